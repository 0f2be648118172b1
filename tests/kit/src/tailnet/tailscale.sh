#!/bin/sh
# A `tailscale` for tests. Its tailscaled is the folder below, which the test writes, and the test itself, which carries
# what devices send (see mod.rs). It says what the real one says, in the same places.
here=@FOLDER@
name=studio.tail1.ts.net
printf '%s\n' "$*" >>"$here/asked"

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

# The holders of routes that still run.
holders() {
    for file in "$here"/claims/*; do
        pid=${file##*/}
        kill -0 "$pid" 2>/dev/null && printf '%s\n' "$pid"
    done
}

may_change() {
    if [ -e "$here/denied" ] && [ -z "$TAILNET_ROOT" ]; then
        fail "sending serve config: Access denied: serve config denied

Use 'sudo tailscale serve'.
To not require root, use 'sudo tailscale set --operator=\$USER' once."
    fi
}

hold() {
    may_change
    if [ -e "$here/says" ]; then
        cat "$here/says"
        grep -q 'To enable, visit' "$here/says" && exec sleep 1000
        exit 1
    fi
    [ -z "$(holders)" ] || fail "error: foreground already exists under this port"
    [ "$(cat "$here/routes.json")" = '{}' ] || fail "error: background configuration already exists, use \`tailscale $1 --https=443 off\` to remove the existing configuration"
    printf '%s %s\n' "$1" "$2" >"$here/claims/.$$"
    mv "$here/claims/.$$" "$here/claims/$$"
    case $1 in
    serve) printf 'Available within your tailnet:\n\n' ;;
    funnel) printf 'Available on the internet:\n\n' ;;
    esac
    printf 'https://%s/\n|-- proxy http://127.0.0.1:%s\n\nPress Ctrl+C to exit.\n' "$name" "$2"
    exec sleep 1000
}

routes() {
    for pid in $(holders); do
        read -r _ port <"$here/claims/$pid"
        printf '{"Foreground": {"session-%s": {"TCP": {"443": {"HTTPS": true}}, "Web": {"%s:443": {"Handlers": {"/": {"Proxy": "http://127.0.0.1:%s"}}}}}}}\n' "$pid" "$name" "$port"
        return
    done
    cat "$here/routes.json"
}

case "$*" in
version)
    [ ! -e "$here/mute" ] || exec sleep 1000
    printf '1.96.2\n  tailscale commit: 0000000\n'
    ;;
"status --json")
    [ ! -e "$here/no-daemon" ] || fail "failed to connect to local tailscaled; it doesn't appear to be running (sudo systemctl start tailscaled ?)"
    printf 'Warning: client version "1.96.2" != tailscaled server version "1.96.1"\n'
    cat "$here/status.json"
    ;;
"whois --json "*)
    cat "$here/whois/$3" 2>/dev/null || fail "peer not found"
    ;;
"serve status --json") routes ;;
"serve --yes --https=443 --set-path=/ off")
    may_change
    printf '{}' >"$here/routes.json"
    ;;
"serve --yes --bg=false "*) hold serve "$4" ;;
"funnel --yes --bg=false "*) hold funnel "$4" ;;
*) fail "flag provided but not defined: $*" ;;
esac
