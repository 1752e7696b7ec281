#!/bin/sh
# Install what pip can't bring where it is missing and we may, else say what to install: browsers, PostgreSQL's server,
# the proxy of deploy/, and what counts the calls that a server makes to its disk.
set -eu
export DEBIAN_FRONTEND=noninteractive

missing=""
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing="chromium"
if ! command -v initdb >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    missing="$missing postgresql"
fi
command -v firefox-esr >/dev/null 2>&1 || command -v firefox >/dev/null 2>&1 || missing="$missing firefox-esr"
command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
command -v strace >/dev/null 2>&1 || [ "$(uname)" != Linux ] || missing="$missing strace"

may() { [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; }

if [ -n "$missing" ] && may; then
    echo "installing for the tests:$missing"
    apt-get update -qq
    # shellcheck disable=SC2086  # several words are several packages
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
elif [ -n "$missing" ]; then
    echo "The tests need these programs, please install them:$missing" >&2
    echo "  Debian, Ubuntu: sudo apt-get install $missing      macOS: brew install --cask chromium firefox; brew install postgresql nginx" >&2
    exit 1
fi

# Chromium without its windows, with which the tests take less time; where it can't be had they start the whole one.
if may && ! command -v chromium-headless-shell >/dev/null 2>&1 && apt-cache show chromium-headless-shell >/dev/null 2>&1; then
    apt-get install -y -qq --no-install-recommends chromium chromium-headless-shell >/dev/null || true
fi
