#!/bin/sh
# Installs the Debian packages named as arguments that are missing; silent when none is.
set -eu

missing=
if command -v dpkg-query >/dev/null 2>&1; then
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    for package in "$@"; do
        printf '%s\n' "$installed" | grep -qx "$package installed" || missing="$missing $package"
    done
else
    echo "deps: this is no Debian system; please install what these Debian packages hold:" >&2
    echo "    $*" >&2
    echo "and then use the targets that do not install, such as \`make all\`." >&2
    exit 1
fi
[ -n "$missing" ] || exit 0

echo "deps: installing$missing"
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "deps: please run as root: apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        echo "deps: failed: $*" >&2
        exit 1
    }
}
run apt-get -q update
# shellcheck disable=SC2086
run apt-get -q -y --no-install-recommends install $missing
