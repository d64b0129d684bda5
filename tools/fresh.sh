#!/bin/sh
# make fresh: a newcomer's machine. Debian 12 from its archive, a clone of what is committed here, the two commands
# of the README. Needs root and debootstrap, and 6 GB under ${TMPDIR:-/var/tmp}; takes the time of a first `make test`.
#
# Everything happens in a mount and process namespace of its own: when it ends, however it ends, no mount and no
# process of it is left, and the directory is removed. What the machine needs to reach apt, pip and Go is handed in
# from this one's settings, so no host is named here.
set -eu

# The names of the settings that are passed on: how to reach indexes, proxies and certificates.
NETWORK='^(PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY|DEFAULT_TIMEOUT|RETRIES)|GO(PROXY|SUMDB|NOSUMDB|NOPROXY|PRIVATE|INSECURE|FLAGS)|SSL_CERT_(FILE|DIR)|[A-Z]+_CA_BUNDLE|(HTTPS?|NO|ALL|https?|no|all)_(PROXY|proxy))='

here=$(cd "$(dirname "$0")/.." && pwd)

main() {
    [ "$(id -u)" = 0 ] || fail "make fresh needs root: it makes mounts"
    command -v debootstrap >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 debootstrap
    root=$(mktemp -d "${TMPDIR:-/var/tmp}/refloat-fresh-XXXXXX")
    chmod 755 "$root"
    trap 'rm -rf --one-file-system "$root"' EXIT
    trap 'exit 130' INT TERM
    unshare --mount --pid --fork --kill-child --mount-proc "$0" inside "$root"
}

inside() {
    root=$1
    mount --bind "$root" "$root"
    say "Debian 12 into $root"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,make,git \
        bookworm "$root" "$(archive)" >"$here/.cache/fresh-debootstrap.log" 2>&1 ||
        fail "debootstrap failed; .cache/fresh-debootstrap.log says why"
    hand_in_settings "$root"
    mount -t proc proc "$root/proc"
    mount --rbind --make-rslave /sys "$root/sys"
    mount --rbind --make-rslave /dev "$root/dev"
    git clone --quiet --no-local "$here" "$root/root/refloat"
    within "$root" make demo
    within "$root" env CI=true make test
    say "both commands of the README work on a fresh machine"
}

# The base address that apt itself uses for packages: the sources may name others that do not answer.
archive() {
    uri=$(apt-get --print-uris download hello 2>/dev/null | sed -n "s/^'\(.*\)\/pool\/.*/\1/p")
    [ -n "$uri" ] || fail "apt knows no archive; run apt-get update"
    echo "$uri"
}

hand_in_settings() {
    root=$1
    copy /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt /usr/local/share/ca-certificates
    copy "$HOME/.config/pip" "$HOME/.pip" "$HOME/.config/go"
    for settings in /etc/apt/apt.conf /etc/apt/auth.conf /etc/apt/auth.conf.d /etc/apt/apt.conf.d/*; do
        grep -rqsE 'Acquire::(https?|Retries|Check-)|^machine' "$settings" && copy "$settings"
    done
    return 0
}

# Copy files and directories to the same place under $root, if they exist.
copy() {
    for path; do
        [ -e "$path" ] || continue
        target=$root$path
        case $path in "$HOME"/*) target=$root/root${path#"$HOME"} ;; esac
        mkdir -p "$(dirname "$target")"
        cp -RL "$path" "$(dirname "$target")/"
    done
}

# Run a command in the clone on the fresh machine, with nothing of this one's environment but network settings.
within() {
    root=$1
    shift
    say "$*"
    started=$(date +%s)
    env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        $(env | grep -E "$NETWORK" | grep -v '[[:space:]]') \
        chroot "$root" sh -c 'cd /root/refloat && exec "$@"' sh "$@"
    say "$* took $(($(date +%s) - started)) s"
}

say() {
    echo "fresh: $*"
}

fail() {
    echo "fresh: $*" >&2
    exit 1
}

if [ "${1:-}" = inside ]; then
    inside "$2"
else
    mkdir -p "$here/.cache"
    main
fi
