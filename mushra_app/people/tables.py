"""The tables of those who run tests. Each class says what one row of it is.

Nothing of a listener is here. Names of accounts are as ``accounts.login_name`` makes them.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mushra_app.table_base import Base, now


class Account(Base):
    """One person who runs tests. Accounts are never deleted, only made inactive: the audit log names them."""

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("role IN ('owner', 'experimenter', 'viewer')", "role"),)

    name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str] = mapped_column(doc="argon2id, with its parameters and its salt")
    role: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    totp_secret: Mapped[str | None] = mapped_column(doc="of the second factor, base32; None: none is asked for")
    totp_step: Mapped[int | None] = mapped_column(BigInteger, doc="of the last code that was used: none opens twice")


class AccountInvitation(Base):
    """One link by which one person makes their own account: once, and not after ``expires_at``."""

    __tablename__ = "account_invitation"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'experimenter', 'viewer')", "role"),
        CheckConstraint("may IN ('view', 'change')", "may"),
    )

    token_sha256: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    may: Mapped[str] = mapped_column(default="change", doc="with the studies below")
    studies: Mapped[list[str]] = mapped_column(default=list)
    invited_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))


class ApiToken(Base):
    """One key by which a program acts for an account, as far as ``may`` lets it; shown once, kept as a hash."""

    __tablename__ = "api_token"
    __table_args__ = (CheckConstraint("may IN ('view', 'change')", "may"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(doc="what it is for, as its owner wrote it")
    token_sha256: Mapped[str] = mapped_column(unique=True)
    may: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class StudyPermission(Base):
    """One study that an account was given, and what it may do there, as far as its role lets it; owners need none."""

    __tablename__ = "study_permission"
    __table_args__ = (UniqueConstraint("account_id", "study_id"), CheckConstraint("may IN ('view', 'change')", "may"))

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    may: Mapped[str]


class StudioLogin(Base):
    """One time that somebody got into the studio; without an account it was by the studio's key.

    The browser's cookie holds the token, which opens nothing once the login has ended: a copied cookie ends with it.
    """

    __tablename__ = "studio_login"

    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    token_sha256: Mapped[str] = mapped_column(unique=True)
    began_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]


class LoginAttempt(Base):
    """One try to get in with a password that was not right, or is being looked at; kept for as long as it counts."""

    __tablename__ = "login_attempt"

    name_sha256: Mapped[str] = mapped_column(index=True, doc="of the name that was typed, whether there is one or not")
    network: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)


class AuditEntry(Base):
    """One thing that was done in the studio or to an account; nothing changes or deletes it."""

    __tablename__ = "audit_entry"

    at: Mapped[datetime] = mapped_column(default=now, index=True)
    who: Mapped[str] = mapped_column(doc="an account's name, the studio's key or the command line; empty: nobody known")
    what: Mapped[str] = mapped_column(doc="one of audit.KINDS")
    about: Mapped[str] = mapped_column(doc="the study, place or account, and what was done to it")
    network: Mapped[str] = mapped_column(doc="of a login: where it came from")
