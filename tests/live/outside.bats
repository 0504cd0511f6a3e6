#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

# Real servers, sealed from outside while clients ask them: no request fails, every answer is right, and the audit finds what
# is claimed.

load live

setup() {
    [ -z "$SANITIZED" ] || skip "not with a sanitizer"
    "$SEALMEM" seal --dry-run $$ >/dev/null 2>&1 || skip "this kernel has no mseal"
    cd "$DIR"
    port=$(free_port)
    rm -rf work
    mkdir -m 777 work
}

serve() {
    "$@" >work/log 2>&1 3>&- 4>&- &
    started=$!
}

# seal_under_load OPTION...: five times, while the work goes on.
seal_under_load() {
    local _

    for _ in 1 2 3 4 5; do
        "$SEALMEM" seal "$@" >work/sealed 2>&1 || { cat work/sealed && return 1; }
        sleep 0.1
    done
}

assert_sealed_image() {
    "$SEALMEM" audit --quiet --require relro:CONTENT,ADDRESS --require text:ADDRESS "$@" || {
        "$SEALMEM" audit --require relro:CONTENT,ADDRESS --require text:ADDRESS "$@"
        return 1
    }
}

@test "nginx with workers, under load" {
    PATH=$PATH:/usr/sbin
    need nginx
    need ab
    {
        echo "worker_processes 2;"
        nginx_conf "$DIR/work" "listen 127.0.0.1:$port;" "root $DIR/work;"
    } >work/nginx.conf
    head -c 20000 /dev/zero >work/file
    serve nginx -c "$DIR/work/nginx.conf"
    wait_until listens "$port"
    ab -q -n 6000 -c 20 "http://127.0.0.1:$port/file" >work/ab 2>&1 3>&- &
    load=$!
    workers=$(pgrep -P "$started" | tr '\n' ' ')
    # shellcheck disable=SC2086 # a list
    seal_under_load "$started" $workers
    wait "$load"
    grep -q 'Complete requests: *6000' work/ab
    grep -q 'Failed requests: *0' work/ab
    # shellcheck disable=SC2086
    ! am_root || assert_sealed_image "$started" $workers
}

@test "redis-server with threads for its clients, under load" {
    need redis-server
    need redis-benchmark
    serve redis-server --port "$port" --bind 127.0.0.1 --save '' --io-threads 3 --dir "$DIR/work"
    wait_until redis-cli -p "$port" ping
    redis-benchmark -p "$port" -n 10000 -c 20 -t set,get,lpush --csv >work/benchmark 2>&1 3>&- &
    load=$!
    seal_under_load "$started"
    wait "$load"
    ! grep -qi error work/benchmark
    [ "$(redis-cli -p "$port" eval 'return redis.call("set", KEYS[1], "of Lua") and redis.call("get", KEYS[1])' 1 key)" = "of Lua" ]
    ! am_root || assert_sealed_image "$started"
}

@test "node, which compiles while it runs" {
    need node
    serve node -e 'let sum = 0;
        const turn = setInterval(() => { for (let i = 0; i < 100000; i++) sum = (sum * 31 + i) % 1000003; }, 1);
        process.on("SIGTERM", () => { clearInterval(turn); console.log(Number.isInteger(sum) ? "right" : "wrong"); });'
    sleep 1
    seal_under_load "$started"
    # It maps a part of its code again elsewhere, outside of any object.
    ! am_root || "$SEALMEM" audit --quiet --require relro:CONTENT,ADDRESS "$started"
    kill "$started"
    wait "$started"
    grep -qx right work/log
}

@test "python3 with threads that load modules, under load" {
    need python3
    cat >work/threads.py <<'END'
import hashlib, importlib, sys, threading
names = ["json", "decimal", "zlib", "bz2", "lzma", "sqlite3", "ctypes", "ssl", "csv", "audioop"]
def work(number):
    for turn in range(300):
        try:
            importlib.import_module(names[(number + turn) % len(names)])
        except ImportError:
            pass
        hashlib.sha256(b"x" * 10000).hexdigest()
for turn in range(10):
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print(hashlib.sha256(b"x").hexdigest())
END
    # python3 may be a script that executes another one.
    serve "$(python3 -c 'import sys; print(sys.executable)')" work/threads.py
    while kill -0 "$started" 2>/dev/null && [ ! -s work/log ]; do
        "$SEALMEM" seal "$started" >work/sealed 2>&1 || grep -qE 'exited|loader' work/sealed
    done
    wait "$started"
    grep -qx "$(printf x | sha256sum | cut -d' ' -f1)" work/log
}
