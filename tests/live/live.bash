# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154

# Real programs from Debian, given their secrets by `sealmem run`. What makes each of these a test of the
# seal, and not only of descriptors, is that the seals are asked of the running program's own descriptor.

bats_require_minimum_version 1.5.0
load ../cli/started

setup_file() {
    DIR=$(mktemp -d)
    chmod 755 "$DIR"
    install -m 755 "$SEALMEM" "$DIR/sealmem"
    SEALMEM=$DIR/sealmem
    export DIR SEALMEM LC_ALL=C.UTF-8
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
}

teardown_file() {
    rm -rf "$DIR"
}

# Ends what a test has started: "$pid $pid...".
started=
teardown() {
    # shellcheck disable=SC2086
    [ -z "$started" ] || kill $started 2>/dev/null || true
    wait
}

need() {
    PATH=$PATH:/usr/sbin type -P "$1" >/dev/null || skip "no $1"
}

am_root() {
    [ "$(id -u)" = 0 ]
}

# The user that a test drops to, as a prefix of a command: root becomes nobody, others stay who they are.
PLAIN=()
! am_root || PLAIN=(setpriv --reuid=65534 --regid=65534 --clear-groups)

# A port of 127.0.0.1 that nobody listens on.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_until COMMAND...: for ten seconds.
wait_until() {
    local _

    for _ in $(seq 200); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.05
    done
    return 1
}

listens() {
    (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# nginx_conf DIRECTORY LINE...: a configuration for nginx, which has its own files in DIRECTORY. Its server has these lines.
nginx_conf() {
    cat <<END
daemon off;
pid $1/nginx.pid;
error_log $1/error.log;
events { }
http {
    access_log off;
    client_body_temp_path $1/body;
    proxy_temp_path $1/proxy;
    fastcgi_temp_path $1/fastcgi;
    uwsgi_temp_path $1/uwsgi;
    scgi_temp_path $1/scgi;
    server {
$(printf '        %s\n' "${@:2}")
    }
}
END
}

# The descriptor of a process that a secret of that name is.
descriptor_of() {
    local pid=$1 name=$2 fd

    for fd in "/proc/$pid/fd/"*; do
        [[ $(readlink "$fd") != "/memfd:sealmem:$name (deleted)" ]] || {
            echo "$fd"
            return
        }
    done
    return 1
}

# The process whose command line begins so and that has the secret. What starts it ends its own with the same words.
holder_of() {
    local pid

    for pid in $(pgrep -f "^$1"); do
        ! descriptor_of "$pid" "$2" >/dev/null || {
            echo "$pid"
            return
        }
    done
    return 1
}

wait_for_holder() {
    wait_until holder_of "$@" && holder_of "$@"
}

# The process and the secret that it holds: sealed.
assert_holds_sealed() {
    local fd

    fd=$(descriptor_of "$1" "$2")
    assert_sealed "$fd"
}

# Where the text can be found: environments and argument lists of all processes, and files. The text is not
# among the arguments of the search.
places_of() {
    local text=$1
    shift
    grep -lsaF -f <(printf '%s\n' "$text") /proc/[0-9]*/environ /proc/[0-9]*/cmdline || true
    grep -rlsaF --devices=skip -f <(printf '%s\n' "$text") "$@" || true
}
