# roots.sh: functions of the scripts that try freezetune in a new Debian in a folder (check-fresh-root.sh,
# check-packages.sh), which read this file. They need root and debootstrap, and take packages from where this system's
# apt gets its own. The script sets `me`, its name for messages.
# shellcheck shell=sh
: "${me:?}"

# roots_need TOOL...: ends the script with 66 where one is missing.
roots_need() {
    for tool in debootstrap chroot "$@"; do
        command -v "$tool" >/dev/null 2>&1 || {
            echo "$me: $tool is missing (on Debian: apt-get install debootstrap git)" >&2
            exit 66
        }
    done
    [ "$(id -u)" = 0 ] || {
        echo "$me: only root may make a root of its own" >&2
        exit 66
    }
}

own_suite() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# The archive that this system's apt knows for its own suite.
roots_mirror() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(SITE)|$(COMPONENT)|$(CODENAME)' 'Created-By: Packages' |
        awk -F'|' -v name="$(own_suite)" '$2 == "main" && $3 == name { print $1; exit }'
}

# root_remove ROOT: removes the folder, unless something is still mounted in it.
root_remove() {
    if grep -qF " $(realpath -m "$1")/" /proc/mounts; then
        echo "$me: something is mounted below $1: umount it first" >&2
        exit 73
    fi
    rm -rf "$1"
}

# root_make SUITE ROOT: a Debian with nothing but its base in the folder ROOT; one that is complete stays as it is.
root_make() {
    [ ! -f "$2/.complete" ] || return 0
    mirror=$(roots_mirror)
    [ -n "$mirror" ] || {
        echo "$me: apt knows no archive of this system's suite (apt-get update?)" >&2
        exit 66
    }
    echo "== $1 from the archive of this system's apt, in $2"
    root_remove "$2"
    debootstrap --variant=minbase --include=ca-certificates "$1" "$2" "$mirror" >"$2.log" 2>&1 || {
        tail -n 3 "$2.log" >&2
        exit 74
    }
    : >"$2/.complete"
}

# root_enter ROOT: what programs in it need: apt's way to its archive, names of hosts, /proc and /dev. root_leave undoes
# the mounts, when the script ends, too.
roots_mounted=
root_enter() {
    # How apt reaches its archive from here (a proxy, if there is one).
    apt-config dump | grep -E '^Acquire::https?::' >"$1/etc/apt/apt.conf.d/99from-outside" || true
    cp /etc/resolv.conf "$1/etc/resolv.conf"
    for folder in proc dev dev/pts; do
        mount --bind "/$folder" "$1/$folder"
        roots_mounted="$1/$folder $roots_mounted"
    done
}

root_leave() {
    for folder in $roots_mounted; do
        umount "$folder" || true
    done
    roots_mounted=
}
trap root_leave EXIT
trap 'exit 130' INT TERM

# root_run ROOT [NAME=VALUE...] COMMAND...: runs it there, with the few variables of a login shell.
root_run() {
    root_of_run=$1
    shift
    chroot "$root_of_run" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

# root_apt ROOT ARGUMENT...: apt-get there, silent unless it fails.
root_apt() {
    root_of_apt=$1
    shift
    root_run "$root_of_apt" DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >"$root_of_apt.apt.log" 2>&1 || {
        grep '^E:' "$root_of_apt.apt.log" | tail -n 3 >&2
        echo "$me: apt-get $* failed in $root_of_apt" >&2
        exit 74
    }
}
