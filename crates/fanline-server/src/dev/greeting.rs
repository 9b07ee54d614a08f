//! What `fanline dev` says to people once it serves: everything that a newcomer needs for the first
//! minutes, ready to be copied.

use crate::credentials::Credentials;

/// The greeting.
pub(super) fn text(made: &Credentials) -> String {
    let Credentials {
        url,
        admin_url,
        ops_url,
        api_key,
        pusher,
        data_dir,
        ..
    } = made;
    let authority = url.trim_start_matches("http://");
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
    let fanline = command();
    let data_dir = shell(&data_dir.display().to_string());
    let key = &pusher.key;
    format!(
        "\
Fanline serves. Everything here is for this machine only: plain HTTP, and whoever knows the
public app key may subscribe to channels that are not private-.

  See it live    {url}/

  Publish        curl {url}/v1/channels/hello/messages \\
                   -H 'Authorization: Bearer {api_key}' \\
                   -H 'Content-Type: application/json' \\
                   -d '{{\"name\": \"greeting\", \"data\": {{\"text\": \"Hello, world!\"}}}}'

  In a terminal  {fanline} subscribe hello --data-dir {data_dir}
                 {fanline} publish hello '{{\"text\": \"Hello!\"}}' --data-dir {data_dir}

  pusher-js      const pusher = new Pusher('{key}', {{
                   cluster: '', wsHost: '{host}', wsPort: {port}, forceTLS: false,
                   enabledTransports: ['ws'],
                   channelAuthorization: {{ endpoint: '{url}/dev/pusher/auth', transport: 'ajax' }},
                 }});
                 pusher.subscribe('hello').bind_global(console.log);

                 The same as a whole page, to be read and copied: {url}/dev/pusher.html

  Raw WebSocket  const socket = new WebSocket('ws://{authority}/v1/connect', 'fanline.v1');
                 let since; // the position, to come back with
                 socket.onopen = () => socket.send(JSON.stringify({{
                   type: 'connect', app: '{key}', subscribe: [{{ channel: 'hello', since }}],
                 }}));
                 socket.onmessage = ({{ data }}) => {{
                   const frame = JSON.parse(data);
                   if (frame.type === 'ping') socket.send('{{\"type\": \"pong\"}}');
                   since = frame.from ?? frame.through ?? since;
                   if (frame.type === 'message') since = {{ epoch: frame.epoch, seq: frame.seq }};
                   console.log(frame);
                 }};

  Laravel .env   BROADCAST_CONNECTION=pusher
                 PUSHER_APP_ID={app_id}
                 PUSHER_APP_KEY={key}
                 PUSHER_APP_SECRET={secret}
                 PUSHER_HOST={host}
                 PUSHER_PORT={port}
                 PUSHER_SCHEME=http

  Elsewhere      admin API {admin_url}/admin/v1   metrics {ops_url}/metrics
                 credentials and data {data_dir}

Ctrl-C stops it; what subscribers may have missed is kept for the next start.",
        app_id = pusher.app_id,
        secret = pusher.secret,
    )
}

/// This program's own path, as a shell takes it.
pub(super) fn command() -> String {
    shell(&super::pages::program())
}

/// A word as a POSIX shell takes it.
pub(super) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::credentials::tests::forged;

    #[test]
    fn the_greeting_names_every_way_to_begin() {
        let text = text(&forged(Path::new("/data dir")));
        for part in [
            "http://127.0.0.1:7300/\n",
            "curl http://127.0.0.1:7300/v1/channels/hello/messages",
            "Bearer fl_id_secret",
            "http://127.0.0.1:7300/dev/pusher.html",
            "new Pusher('app-key', {",
            "wsHost: '127.0.0.1', wsPort: 7300",
            "http://127.0.0.1:7300/dev/pusher/auth",
            "new WebSocket('ws://127.0.0.1:7300/v1/connect', 'fanline.v1')",
            "app: 'app-key'",
            "PUSHER_APP_ID=1234",
            "PUSHER_APP_KEY=app-key",
            "PUSHER_APP_SECRET=pusher secret",
            "PUSHER_HOST=127.0.0.1",
            "PUSHER_PORT=7300",
            "publish hello",
            "subscribe hello",
            "--data-dir '/data dir'",
        ] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
        assert!(
            !text.contains("operator token"),
            "nobody needs it in the first minutes"
        );
    }

    #[test]
    fn a_word_survives_the_shell() {
        assert_eq!(shell("/a/b-c_d.e"), "/a/b-c_d.e");
        assert_eq!(shell("a b"), "'a b'");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell(""), "''");
    }
}
