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
    run -1 grep -i error work/benchmark
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

# clients COUNT: so many connections that stay, each of which sends a number and checks the digest that comes back, until
# there is a file "over". A connection that is lost, or a wrong answer, ends them with an error.
clients() {
    cat >work/clients.py <<'END'
import os, socket, sys, threading
def digest(text):
    value = 14695981039346656037
    for byte in text * 100:
        value = (value ^ byte) * 1099511628211 % 2**64
    return value
done = []
def ask(number):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection, connection.makefile("rwb") as lines:
        count = 0
        while not os.path.exists("work/over"):
            text = b"%d" % (number * 1000000 + count)
            lines.write(text + b"\n")
            lines.flush()
            assert int(lines.readline()) == digest(text)
            count += 1
            if count == 1:
                open(f"work/begun{number}", "w").close()
        done.append(count)
threads = [threading.Thread(target=ask, args=(number,)) for number in range(int(sys.argv[2]))]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit(0 if len(done) == len(threads) and min(done) > 0 else f"lost: {done}")
END
    python3 work/clients.py "$port" "$1" >work/clients 2>&1 3>&- &
    load=$!
}

have_begun() {
    [ "$(find work -name 'begun*' | wc -l)" = "$1" ]
}

# answers_while_sealed CLIENTS OPTION...: the server that was started.
answers_while_sealed() {
    wait_until_slowly listens "$port"
    clients "$1"
    wait_until_slowly have_begun "$1"
    threads=$(find "/proc/$started/task" -mindepth 1 -maxdepth 1 | wc -l)
    seal_under_load "${@:2}" "$started"
    : >work/over
    wait "$load" || { cat work/clients && return 1; }
}

# What compiles first takes longer.
wait_until_slowly() {
    local _

    for _ in 1 2 3 4 5 6; do
        ! wait_until "$@" || return 0
    done
    return 1
}

@test "a server in Go, linked statically, with connections that stay" {
    need go
    cat >work/server.go <<'END'
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
)

func serve(connection net.Conn) {
	lines := bufio.NewScanner(connection)
	for lines.Scan() {
		value := uint64(14695981039346656037)
		for i := 0; i < 100; i++ {
			for _, c := range lines.Bytes() {
				value = (value ^ uint64(c)) * 1099511628211
			}
		}
		fmt.Fprintf(connection, "%d\n", value)
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	for err == nil {
		var connection net.Conn
		if connection, err = listener.Accept(); err == nil {
			go serve(connection)
		}
	}
}
END
    (cd work && HOME=$PWD GOCACHE=$PWD/cache GOFLAGS=-p=2 CGO_ENABLED=0 go build -o server server.go) >work/build 2>&1 || {
        cat work/build && return 1
    }
    serve work/server "$port"
    answers_while_sealed 16
    ! am_root || "$SEALMEM" audit --quiet --require text:ADDRESS "$started"
}

@test "a server in Rust, linked statically, with connections that stay" {
    need rustc
    cat >work/server.rs <<'END'
use std::io::{BufRead, BufReader, Write};
fn main() {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    for connection in std::net::TcpListener::bind(("127.0.0.1", port)).unwrap().incoming() {
        std::thread::spawn(move || {
            let mut connection = connection.unwrap();
            for line in BufReader::new(connection.try_clone().unwrap()).lines() {
                let line = line.unwrap();
                let mut value: u64 = 14695981039346656037;
                for _ in 0..100 {
                    for byte in line.bytes() {
                        value = (value ^ byte as u64).wrapping_mul(1099511628211);
                    }
                }
                writeln!(connection, "{}", value).unwrap();
            }
        });
    }
}
END
    rustc -C target-feature=+crt-static -O -o work/server work/server.rs >work/build 2>&1 || skip "rustc builds no program here"
    serve work/server "$port"
    answers_while_sealed 16
    ! am_root || assert_sealed_image "$started"
}

@test "a server in Java with more than 32 threads" {
    need java
    cat >work/Server.java <<'END'
import java.io.*;
import java.net.*;

public class Server {
    static void serve(Socket socket) {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream()));
             PrintStream out = new PrintStream(socket.getOutputStream(), true)) {
            for (String line; (line = in.readLine()) != null;) {
                long value = Long.parseUnsignedLong("14695981039346656037");
                for (int i = 0; i < 100; i++)
                    for (byte c : line.getBytes())
                        value = (value ^ c) * 1099511628211L;
                out.println(Long.toUnsignedString(value));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static void main(String[] arguments) throws IOException {
        try (ServerSocket server = new ServerSocket(Integer.parseInt(arguments[0]), 64, InetAddress.getLoopbackAddress())) {
            for (;;) {
                Socket socket = server.accept();
                new Thread(() -> serve(socket)).start();
            }
        }
    }
}
END
    serve java -Xmx128m work/Server.java "$port"
    answers_while_sealed 32
    [ "$threads" -gt 32 ]
    ! am_root || "$SEALMEM" audit --quiet --require relro:CONTENT,ADDRESS "$started"
}

@test "PostgreSQL, while pgbench asks it" {
    binaries=$(find /usr/lib/postgresql -name initdb -printf '%h\n' 2>/dev/null | sort -V | tail -n 1)
    [ -n "$binaries" ] && [ -x "$binaries/pgbench" ] || skip "no PostgreSQL server with pgbench"
    "${PLAIN[@]}" "$binaries/initdb" -D "$DIR/work/db" -U someone --auth=trust --no-sync >work/initdb 2>&1
    serve "${PLAIN[@]}" "$binaries/postgres" -D "$DIR/work/db" -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= -c fsync=off
    wait_until_slowly "$binaries/pg_isready" -h 127.0.0.1 -p "$port"
    bench=("$binaries/pgbench" -h 127.0.0.1 -p "$port" -U someone)
    "${bench[@]}" -i -q postgres >work/bench 2>&1
    "${bench[@]}" -n -c 4 -j 2 -T 3 postgres >work/bench 2>&1 3>&- &
    load=$!
    wait_until pgrep -P "$started" -f UPDATE
    # The server, what it has started for its own work, and one process for each connection.
    sealed=0
    for pid in "$started" $(pgrep -P "$started"); do
        ! "$SEALMEM" seal "$pid" >work/sealed 2>&1 || sealed=$((sealed + 1))
    done
    wait "$load" || { cat work/bench && return 1; }
    grep -q 'number of failed transactions: 0 ' work/bench
    [ "$sealed" -ge 5 ]
    # The sum over all accounts is that over all tellers.
    [ "$(psql -X -A -t -h 127.0.0.1 -p "$port" -U someone postgres -c 'select (select sum(abalance) from pgbench_accounts) =
        (select sum(tbalance) from pgbench_tellers)')" = t ]
    kill -INT "$started"
}

@test "sshd with a session that stays" {
    need sshd
    need ssh
    am_root || skip "needs root"
    [ -d /run/sshd ] || mkdir -m 755 /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f work/host
    ssh-keygen -q -t ed25519 -N '' -f work/key
    printf '%s\n' "Port $port" "ListenAddress 127.0.0.1" "HostKey $DIR/work/host" "PidFile none" "StrictModes no" \
        "AuthorizedKeysFile $DIR/work/key.pub" "UsePAM no" "PermitRootLogin yes" >work/sshd.conf
    serve /usr/sbin/sshd -D -e -f "$DIR/work/sshd.conf"
    wait_until listens "$port"
    session=(ssh -F none -p "$port" -i "$DIR/work/key" -o BatchMode=yes -o StrictHostKeyChecking=no
        -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR 127.0.0.1)
    head -c 40000000 /dev/urandom >work/bytes
    "${session[@]}" sha256sum <work/bytes >work/digest 2>work/error 3>&- &
    load=$!
    wait_until pgrep -P "$started"
    for pid in "$started" $(pgrep -P "$started"); do
        "$SEALMEM" seal "$pid" >work/sealed 2>&1 || grep -q exited work/sealed || { cat work/sealed && return 1; }
    done
    wait "$load"
    [ "$(cat work/digest)" = "$(sha256sum <work/bytes)" ]
    # Another session is begun by the server that is sealed now.
    [ "$("${session[@]}" echo opened)" = opened ]
    assert_sealed_image "$started"
}
