#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

# Real programs from Debian under `sealmem run --image`. Each does its work twice, without the seal and with it,
# and both times an intruder is inside (intruder.c): what they do to the program succeeds the first time and
# is refused the second, and the work has the same result.

load live

setup() {
    [ -z "$SANITIZED" ] || skip "not with a sanitizer"
    # shellcheck disable=SC2086 # a list
    install -m 755 $IMAGE_OBJECTS "$INTRUDER" "$DIR/"
    "$SEALMEM" run --image -- true 2>/dev/null || skip "this kernel has no mseal"
    cd "$DIR"
    port=$(free_port)
    rm -rf "$DIR/work"
    mkdir -m 777 "$DIR/work"
}

# both_ways PROGRAM WORK: the function WORK starts programs after the words in $sealed, and prints what they did.
# The intruder goes to the programs of that name.
both_ways() {
    local program=$1 work=$2 way

    for way in plain sealed; do
        sealed=()
        [ $way = plain ] || sealed=("$SEALMEM" run --image --)
        rm -rf "$DIR/work" "$DIR/$way.report"
        mkdir -m 777 "$DIR/work"
        install -m 666 /dev/null "$DIR/$way.report"
        intruder=(env "LD_PRELOAD=$DIR/intruder.so" "INTRUDER_FOR=$program" "INTRUDER_REPORT=$DIR/$way.report")
        "$work" >"$DIR/$way.out" 2>&1 || { echo "$way:" && tail -n 40 "$DIR/$way.out" && return 1; }
    done
    diff "$DIR/plain.out" "$DIR/sealed.out"
    assert_intruded done "$DIR/plain.report"
    assert_intruded "refused intact" "$DIR/sealed.report"
}

# Every line of the report ends so, and each of the four things was tried.
assert_intruded() {
    local act

    for act in make-got-writable make-code-writable throw-relro-away write-relro-through-proc; do
        grep -q "^$act $1" "$2" || { echo "$2 has no '$act $1'"; cat "$2"; return 1; }
    done
    if grep -v "^[a-z-]* $1" "$2"; then
        return 1
    fi
}

# Starts a server in the background.
serve() {
    "${intruder[@]}" "${sealed[@]}" "$@" >>"$DIR/work/log" 2>&1 3>&- 4>&- &
    started=$!
}

# Ends it, and says how it ended.
finish() {
    local code=0

    kill "-$1" "$started"
    wait "$started" || code=$?
    started=
    echo "ended with $code"
}

run_it() {
    alone "${intruder[@]}" "${sealed[@]}" "$@"
}

work_of_nginx() {
    {
        echo "worker_processes 2;"
        nginx_conf "$DIR/work" "listen 127.0.0.1:$port;" \
            "root $DIR/work;"
    } >work/nginx.conf
    head -c 20000 /dev/zero >work/file
    serve nginx -c "$DIR/work/nginx.conf"
    wait_until listens "$port"
    ab -q -n 3000 -c 20 "http://127.0.0.1:$port/file" | grep -E '^(Complete|Failed|Non-2xx|Document Length)'
    kill -HUP "$started"
    ab -q -n 1000 -c 20 "http://127.0.0.1:$port/file" | grep -E '^(Complete|Failed|Non-2xx|Document Length)'
    finish QUIT
}

@test "nginx under load" {
    PATH=$PATH:/usr/sbin
    need nginx
    need ab
    both_ways nginx work_of_nginx
    grep -q 'Failed requests: *0' sealed.out
}

work_of_redis() {
    serve redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$DIR/work"
    wait_until redis-cli -p "$port" ping
    redis-benchmark -p "$port" -n 4000 -c 20 -t set,get,lpush,zadd --csv | cut -d, -f1
    redis-cli -p "$port" eval 'return redis.call("set", KEYS[1], "of Lua") and redis.call("get", KEYS[1])' 1 key
    redis-cli -p "$port" bgsave
    wait_until test -s work/dump.rdb
    finish TERM
}

@test "redis-server with redis-benchmark" {
    need redis-server
    need redis-benchmark
    both_ways redis-server work_of_redis
}

work_of_postgres() {
    local pgbench=(pgbench -h 127.0.0.1 -p "$port" -U someone)

    "${PLAIN[@]}" "$binaries/initdb" -D work/db -U someone --auth=trust --no-sync >/dev/null
    serve "${PLAIN[@]}" "$binaries/postgres" -D "$DIR/work/db" -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= -c fsync=off
    wait_until "$binaries/pg_isready" -h 127.0.0.1 -p "$port"
    PATH=$binaries:$PATH
    "${pgbench[@]}" -q -i -s 1 postgres 2>&1 | tail -n 1 | sed 's/ in .*//'
    "${pgbench[@]}" -c 4 -t 100 postgres | grep -E '^number of (transactions|failed)'
    psql -h 127.0.0.1 -p "$port" -U someone -d postgres -X -A -t \
        -c "create extension plpgsql" -c "do \$\$ begin raise notice 'in a function'; end \$\$" 2>&1 || true
    finish INT
}

@test "PostgreSQL with pgbench" {
    binaries=$(find /usr/lib/postgresql -name initdb -printf '%h\n' 2>/dev/null | sort -V | tail -n 1)
    [ -n "$binaries" ] || skip "no PostgreSQL server"
    [ -x "$binaries/pgbench" ] || skip "no pgbench"
    both_ways postgres work_of_postgres
}

work_of_sshd() {
    local name

    for name in host user; do ssh-keygen -q -t ed25519 -N '' -f "work/$name"; done
    install -m 600 work/user.pub work/authorized
    printf '%s\n' "Port $port" "ListenAddress 127.0.0.1" "HostKey $DIR/work/host" "PidFile none" \
        "AuthorizedKeysFile $DIR/work/authorized" "StrictModes no" "UsePAM no" "PermitRootLogin yes" \
        "PasswordAuthentication no" "KbdInteractiveAuthentication no" "Subsystem sftp internal-sftp" >work/sshd.conf
    serve /usr/sbin/sshd -D -e -f "$DIR/work/sshd.conf"
    wait_until listens "$port"
    ssh -F none -p "$port" -i work/user -o BatchMode=yes -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR 127.0.0.1 'echo opened; head -c 3000000 /dev/zero | cksum'
    finish TERM
}

@test "sshd with a login" {
    need sshd
    am_root || skip "needs root"
    [ -d /run/sshd ] || { mkdir -m 755 /run/sshd; made=yes; }
    both_ways sshd work_of_sshd
    [ -z "$made" ] || rmdir /run/sshd
    [[ $(cat sealed.out) == *opened* ]]
}

# How they ended, and not how long they took. Of the modules that take minutes, the classes that do what the
# others do a second time are left out.
work_of_python() {
    run_it timeout 100 /usr/bin/python3 -m test --timeout 60 -m 'test.test_json.*' -m 'test.test_mmap.*' \
        -m 'test.test_ctypes.*' -m 'test.test_threading.ThreadTests.*' -m 'test.test_threading.LockTests.*' \
        -m 'test.test_socket.Basic*.*' -m 'test.test_socket.UnbufferedFileObject*.*' \
        -m 'test.test_subprocess.POSIXProcessTestCase.*' -m 'test.test_subprocess.RunFuncTestCase.*' \
        test_json test_mmap test_ctypes test_threading test_socket test_subprocess \
        <"/dev/null" >"$DIR/python.log" 2>&1 || tail -n 30 "$DIR/python.log"
    grep -E '^(Tests result|All|[0-9]+ test|    test_)' "$DIR/python.log"
}

@test "python3 runs a part of its own tests" {
    [ -d "$(echo /usr/lib/python3*/test/test_json)" ] || skip "no tests of Python"
    both_ways python3 work_of_python
    grep -q SUCCESS sealed.out
}

work_of_bash() {
    run_it bash -c '
        declare -A count
        for i in {1..2000}; do ((count[$((i % 7))] += i)); done
        for k in "${!count[@]}"; do echo "$k ${count[$k]}"; done | sort
        (exit 3); echo "$?"
        coproc cat; echo through >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
        trap "echo trapped" USR1; kill -USR1 $$
        printf "%s\n" "$BASH_VERSION" <(:) | head -n 1; [[ abc =~ b(.) ]] && echo "${BASH_REMATCH[1]}"
        exit 5' || echo "status $?"
}

@test "bash" {
    both_ways bash work_of_bash
    grep -q 'status 5' sealed.out
}

work_of_gcc() {
    cat >work/program.c <<'END'
#include <math.h>
#include <stdio.h>

int main(void)
{
	double sum = 0;

	for (int i = 1; i < 100000; i++)
		sum += sin(i) / i;
	return printf("%.6f\n", sum) < 0;
}
END
    run_it gcc -O2 -flto -o work/program work/program.c -lm
    work/program
    cksum <work/program | cut -d' ' -f2
}

@test "gcc builds a program, and every program that it executes is sealed" {
    need gcc
    both_ways cc1 work_of_gcc
    "$SEALMEM" run --image=report -- gcc -o work/program work/program.c -lm 2>reports
    for program in gcc cc1 as collect2 ld; do grep -q "^sealmem: $program\[.*relro CONTENT+ADDRESS" reports; done
}

work_of_node() {
    cat >work/program.js <<'END'
const http = require("http"), crypto = require("crypto"), zlib = require("zlib");
const { Worker } = require("worker_threads");
const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));

console.log(fib(25), crypto.createHash("sha256").update("x").digest("hex"));
console.log(zlib.gunzipSync(zlib.gzipSync(Buffer.alloc(100000, "a"))).length);
const server = http.createServer((request, answer) => answer.end(request.url));
server.listen(0, "127.0.0.1", async () => {
    const get = (path) => new Promise((resolve, reject) =>
        http.get({ port: server.address().port, path }, (answer) => {
            let text = "";
            answer.on("data", (part) => (text += part)).on("end", () => resolve(text));
        }).on("error", reject));
    let length = 0;
    for (let i = 0; i < 300; i++) length += (await get("/" + i)).length;
    console.log(length);
    new Worker("require('worker_threads').parentPort.postMessage(6 * 7)", { eval: true })
        .on("message", (n) => { console.log(n); server.close(); process.exitCode = 6; });
});
END
    run_it node work/program.js || echo "status $?"
}

@test "node" {
    need node
    both_ways node work_of_node
    grep -q 'status 6' sealed.out
}

work_of_git() {
    local git=(run_it git -c user.name=someone -c user.email=some@where -c init.defaultBranch=main -c gc.auto=0)
    export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' HOME=$DIR/work

    "${git[@]}" init -q work/repository
    seq 5000 >work/repository/numbers
    "${git[@]}" -C work/repository add numbers
    "${git[@]}" -C work/repository commit -q -m first
    seq 2500 7500 >work/repository/numbers
    "${git[@]}" -C work/repository commit -q -a -m second
    "${git[@]}" clone -q --no-local work/repository work/clone
    "${git[@]}" -C work/clone repack -q -a -d
    "${git[@]}" -C work/clone fsck --no-progress
    "${git[@]}" -C work/clone log --stat --format='%H %s'
}

@test "git" {
    need git
    both_ways git work_of_git
}

work_of_openssl() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout work/key -out work/crt 2>/dev/null
    serve openssl s_server -quiet -accept "127.0.0.1:$port" -cert work/crt -key work/key -www
    wait_until listens "$port"
    for version in tls1_2 tls1_3; do
        printf 'GET / HTTP/1.0\r\n\r\n' |
            openssl s_client -quiet "-$version" -CAfile work/crt -verify_return_error -connect "127.0.0.1:$port" \
                2>/dev/null | grep -E '^(HTTP|Protocol|Content)'
    done
    finish TERM
}

@test "openssl s_server" {
    need openssl
    both_ways openssl work_of_openssl
    grep -q 'HTTP/1.0 200' sealed.out
}

# Attaches to the sleeping program $started, and calls a function of it: debug_started KIND-OF-BREAKPOINT.
debug_started() {
    wait_until grep -q nanosleep "/proc/$started/wchan"
    timeout 30 gdb -q -batch -p "$started" -ex backtrace -ex "$1 exit" -ex 'call (void) exit(3)' </dev/null 2>&1 || true
    kill "$started" || true
}

# The same for a program with its image sealed: debug WORDS KIND-OF-BREAKPOINT.
debug() {
    "$SEALMEM" run "--image=$1" -- sleep 60 3>&- 4>&- &
    started=$!
    wait_until grep -q 'memfd:sealmem:image' "/proc/$started/maps"
    debug_started "$2"
}

debug_unsealed() {
    sleep 60 3>&- 4>&- &
    started=$!
    debug_started "$1"
}

# By somebody who was not told: the audit asks the kernel.
@test "an audit of each finds code and RELRO sealed, and without the seal neither" {
    local rules=(--require relro:ADDRESS --require text:ADDRESS) program audited=0

    # Only root is told the seals of a memfd that nobody has open.
    ! am_root || rules+=(--require relro:CONTENT)
    PATH=$PATH:/usr/sbin:$(find /usr/lib/postgresql -path '*/bin/postgres' -printf '%h\n' 2>/dev/null | tail -n 1)
    for program in 'nginx -v' 'redis-server --version' 'postgres --version' '/usr/sbin/sshd -t -h none' \
        '/usr/bin/python3 -ISc 0' 'bash -c :' 'gcc --version' 'node -e 0' 'git --version' 'openssl version'; do
        type -P "${program%% *}" >/dev/null || continue
        # shellcheck disable=SC2086 # a command and its arguments
        run -0 "$SEALMEM" audit "${rules[@]}" -- "$SEALMEM" run --image -- $program
        # shellcheck disable=SC2086
        run -1 "$SEALMEM" audit "${rules[@]}" -- $program
        [[ $output == *" relro "*relro:ADDRESS* ]]
        audited=$((audited + 1))
    done
    [ $audited -ge 2 ]
}

@test "gdb shows a backtrace and stops at a breakpoint" {
    need gdb
    am_root || skip "needs to trace"
    run debug report break
    [[ $output == *"#0 "*nanosleep* ]]
    [[ $output == *"Breakpoint 1, "*exit* ]]
}

@test "of a deeply sealed program gdb shows a backtrace, and stops at a hardware breakpoint alone" {
    need gdb
    am_root || skip "needs to trace"
    run debug deep break
    [[ $output == *"#0 "*nanosleep* ]]
    [[ $output != *"Breakpoint 1, "*exit* ]]
    run debug_unsealed hbreak
    [[ $output == *"Breakpoint 1, "*exit* ]] || skip "no program stops at a hardware breakpoint on this machine"
    run debug deep hbreak
    [[ $output == *"Breakpoint 1, "*exit* ]]
}

# Starts a program under gdb, which stops at a function of it, which sealmem does not have, under a condition: stop_in_gdb WORDS.
stop_in_gdb() {
    cat >work/program.c <<'END'
#include <stdio.h>
volatile int sum;
__attribute__((noinline)) void add_in_turn(int i) { sum += i; }
int main(void) { for (int i = 0; i < 20; i++) add_in_turn(i); return printf("sum %d\n", sum) < 0; }
END
    gcc -g -o work/program work/program.c
    timeout 60 gdb -q -batch -ex 'set breakpoint pending on' -ex 'break add_in_turn if i == 7' -ex run -ex 'print i * 100' \
        -ex continue --args "$SEALMEM" run "--image=$1" -- work/program </dev/null 2>&1
}

@test "gdb stops at a breakpoint with a condition, in a program that it starts" {
    need gdb
    need gcc
    am_root || skip "needs to trace"
    run stop_in_gdb report
    [[ $output == *"relro CONTENT+ADDRESS"*"= 700"*"sum 190"*"exited normally"* ]]
}

@test "a program with breakpoints is not sealed deeply, and the message says what to do" {
    need gdb
    need gcc
    am_root || skip "needs to trace"
    run stop_in_gdb deep
    [[ $output == *"sealmem: program: the image is not sealed: The code has breakpoints, and a seal would keep them for good: a debugger has written to its code: attach it later, or leave out deep"* ]]
    [[ $output == *"exited with code 0175"* ]]
    [[ $output != *"Error removing breakpoint"* ]]
}

# What runs below an emulator cannot be sealed. The emulator can: assert_emulator COMMAND...
assert_emulator() {
    "$@" /bin/true || skip "$1 does not work here"
    run -125 "$SEALMEM" run --image -- "$@" /bin/true
    [[ $output == *"sealmem: true: the image is not sealed: "*": use --image=once to seal the first program alone, or --image=try to run this one all the same" ]]
    run --separate-stderr -0 "$SEALMEM" run --image=once,report -- "$@" /bin/true
    [[ $stderr == "sealmem: "*"relro CONTENT+ADDRESS"* ]]
    run -0 "$SEALMEM" run --image=try -- "$@" /bin/true
}

@test "under valgrind the message names once and try" {
    need valgrind
    assert_emulator valgrind -q
}

@test "under qemu-user the message names once and try" {
    need "qemu-$(uname -m)"
    assert_emulator "qemu-$(uname -m)"
}

@test "bwrap does not execute a program where the object is hidden, unless once or try is set" {
    local places=() place sandbox

    need bwrap
    for place in /usr /lib /lib64 /bin; do [ ! -e $place ] || places+=(--ro-bind $place $place); done
    sandbox=(bwrap "${places[@]}" --proc /proc)
    "${sandbox[@]}" true || skip "bwrap makes no sandbox here"
    run -1 "$SEALMEM" run --image -- "${sandbox[@]}" sh -c 'echo begun'
    [[ $output == *"sealmem: bwrap: sh is not executed, because it would run unsealed: $DIR/libsealmem-image.so cannot be read here: "*"--ro-bind"*"--image=once or --image=try"* ]]
    [[ $output != *begun* ]]
    run -0 "$SEALMEM" run --image -- "${sandbox[@]}" --ro-bind "$DIR" "$DIR" grep -c memfd:sealmem:image /proc/self/maps
    [ "$output" -ge 3 ]
    run --separate-stderr -0 "$SEALMEM" run --image=once -- "${sandbox[@]}" sh -c 'echo begun'
    [ "$output" = begun ]
    run --separate-stderr -0 "$SEALMEM" run --image=try -- "${sandbox[@]}" sh -c 'echo begun'
    [ "$output" = begun ]
}
