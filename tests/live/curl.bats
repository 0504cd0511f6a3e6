#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016

load live

# Answers after a while, to those who have the token only.
SERVER='
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(float(self.path[1:] or 0))
        known = self.headers.get("Authorization") == "Bearer a-long-token"
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(b"known\n" if known else b"unknown\n")
    def log_message(self, *arguments): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()'

setup() {
    need curl
    port=$(free_port)
    python3 -c "$SERVER" "$port" 3>&- 4>&- &
    started=$!
    wait_until listens "$port"
}

fetch() {
    printf 'header = "Authorization: Bearer %s"\n' "$2" | alone "${@:3}" "$SEALMEM" run --secret conf=- -- \
        curl --silent --max-time 20 --config {conf} "http://127.0.0.1:$port/$1"
}

@test "curl takes its configuration, with a token in it, from a sealed descriptor" {
    run -0 fetch 0 a-long-token
    [ "$output" = known ]
    run -0 fetch 0 a-long-token "${PLAIN[@]}"
    [ "$output" = known ]
    run -0 fetch 0 another-token
    [ "$output" = unknown ]
}

@test "curl holds a sealed descriptor while it runs, and the token is in no environment or argument list" {
    fetch 5 a-long-token >/dev/null 3>&- 4>&- &
    client=$(wait_for_holder "curl .*127.0.0.1:$port/5" conf)
    assert_holds_sealed "$client" conf
    kill "$client"
    # The server has it in its own program.
    run -0 places_of 'Authorization: Bearer a-long-token' "$DIR"
    [ -z "$output" ]
}
