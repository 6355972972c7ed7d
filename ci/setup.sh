#!/usr/bin/env bash
# setup.sh: installs what is absent of ci/packages.txt, and nothing else.
#
#     ci/setup.sh [build|compare|check]
#
# It runs first on a bare machine, so it needs bash, coreutils and dpkg only. Where everything is
# there it neither touches the network nor asks for rights.
#
# Exit status: 0 all is there, 1 something is missing and could not be installed, 2 usage.
set -euo pipefail

list=${ASHLAR_PACKAGES:-$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)/packages.txt}

case ${1-build} in
build) groups=' build ' ;;
compare) groups=' build compare ' ;;
check) groups=' build compare check ' ;;
*)
    echo "setup.sh: unknown group '$1': use build, compare or check" >&2
    exit 2
    ;;
esac

# wanted: the packages of the groups, in the order of the list.
wanted=()
while read -r group package _; do
    if [[ -n ${package-} && $groups == *" $group "* ]]; then
        wanted+=("$package")
    fi
done < <(sed 's/#.*//' "$list")

if ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: this system has no dpkg; install the equivalents of these Debian packages:" >&2
    echo "    ${wanted[*]}" >&2
    exit 1
fi

# dpkg-query leaves out what it never heard of and says so on stderr; both mean absent.
find_missing() {
    local present package
    present=$'\n'$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null ||
        true)$'\n'
    missing=()
    for package in "${wanted[@]}"; do
        [[ $present == *$'\n'"$package installed"$'\n'* ]] || missing+=("$package")
    done
}

find_missing
((${#missing[@]})) || exit 0

say_by_hand() {
    echo "setup.sh: $1; as root, run:" >&2
    echo "    apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
}

as_root=()
if (($(id -u) != 0)); then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        say_by_hand "packages are missing, and this user is not root and has no sudo without password"
    fi
fi
command -v apt-get >/dev/null || say_by_hand "packages are missing, and there is no apt-get here"

# Another apt may hold the lock for a while (unattended upgrades on a fresh machine).
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
        apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -q "$@" </dev/null
}

# The lists are fetched when a package has no candidate in those at hand, or when they are so old
# that the install fails with them.
known() {
    local package
    for package in "${missing[@]}"; do
        [[ $(LC_ALL=C apt-cache policy "$package" 2>/dev/null) == *"Candidate: "[!\(]* ]] || return 1
    done
}

echo "setup.sh: installing ${missing[*]}"
updated=false
if ! known; then
    updated=true
    apt update || say_by_hand "apt-get update failed"
fi
install() {
    apt install -y --no-install-recommends "${missing[@]}"
}
if ! install; then
    if $updated || ! { apt update && install; }; then
        say_by_hand "apt-get install failed"
    fi
fi

find_missing
((${#missing[@]} == 0)) || say_by_hand "apt-get ended well but packages are still missing"
