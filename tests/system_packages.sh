#!/bin/sh
# Install what pip can't bring where it is missing and we may, else say what to install: browsers, PostgreSQL's server,
# the proxy of deploy/, and what counts the calls that a server makes to its disk.
set -eu

missing=""
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing="chromium"
if ! command -v initdb >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    missing="$missing postgresql"
fi
command -v firefox-esr >/dev/null 2>&1 || command -v firefox >/dev/null 2>&1 || missing="$missing firefox-esr"
command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
command -v strace >/dev/null 2>&1 || [ "$(uname)" != Linux ] || missing="$missing strace"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then
    echo "installing for the tests:$missing"
    apt-get update -qq
    # shellcheck disable=SC2086  # several words are several packages
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "The tests need these programs, please install them:$missing" >&2
    echo "  Debian, Ubuntu: sudo apt-get install $missing      macOS: brew install --cask chromium firefox; brew install postgresql nginx" >&2
    exit 1
fi
