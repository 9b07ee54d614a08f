//! The text that a request's signature covers, rebuilt from the request as it arrived.
//!
//! `METHOD \n path \n parameters`: every parameter but the signature, names in lower case, sorted, values
//! not escaped. SDKs disagree on two points: which of them a `+` means, and whether the path is escaped;
//! so there are candidates. Each is as strong as the other: the code covers the chosen text, and what is
//! done is read from the same parameters.

use http::Method;
use percent_encoding::percent_decode_str;

/// What `+` stands for in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plus {
    /// A space, as in forms: Ruby.
    Space,
    /// Itself: Python.
    Literal,
}

/// The parameters of a query, decoded, in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, String)>);

/// The texts that may have been signed, for one reading of the parameters.
pub(super) fn candidates(method: &Method, path: &str, parameters: &Parameters) -> Vec<String> {
    let query = parameters.canonical();
    let text = |path: &str| format!("{method}\n{path}\n{query}");
    let mut texts = vec![text(path)];
    // Node signs the path before it escapes it.
    if let Ok(decoded) = percent_decode_str(path).decode_utf8()
        && decoded != path
    {
        texts.push(text(&decoded));
    }
    texts
}

// === impl Parameters ===

impl Parameters {
    /// Reads a raw query. Empty pieces (a trailing `&`) are nothing.
    pub(super) fn parse(query: &str, plus: Plus) -> Self {
        let decode = |text: &str| {
            let spaced = match plus {
                Plus::Space => text.replace('+', " "),
                Plus::Literal => text.to_owned(),
            };
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(
            pairs
                .map(|(name, value)| (decode(name).to_lowercase(), decode(value)))
                .collect(),
        )
    }

    /// The first value of this name, which is given in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| &**value)
    }

    fn canonical(&self) -> String {
        let mut signed: Vec<_> = self
            .0
            .iter()
            .filter(|(name, _)| name != "auth_signature")
            .collect();
        signed.sort_by(|(one, _), (other, _)| one.cmp(other));
        let pairs: Vec<_> = signed
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(query: &str, plus: Plus) -> String {
        candidates(
            &Method::GET,
            "/apps/3/channels",
            &Parameters::parse(query, plus),
        )
        .remove(0)
    }

    #[test]
    fn the_signature_may_stand_anywhere_and_the_order_is_ours() {
        let expected = "GET\n/apps/3/channels\nauth_key=k&auth_version=1.0&info=user_count";
        for query in [
            "auth_signature=s&info=user_count&auth_version=1.0&auth_key=k",
            "info=user_count&auth_signature=s&AUTH_KEY=k&auth_version=1.0&",
            "auth_key=k&auth_version=1.0&info=user%5Fcount&auth_signature=s",
        ] {
            assert_eq!(text(query, Plus::Space), expected, "{query}");
        }
    }

    #[test]
    fn values_are_signed_unescaped_and_arrays_in_their_order() {
        assert_eq!(
            text(
                "c[]=b&c%5B%5D=a&info=user_count%2Csubscription_count",
                Plus::Space
            ),
            "GET\n/apps/3/channels\nc[]=b&c[]=a&info=user_count,subscription_count"
        );
    }

    #[test]
    fn a_plus_is_a_space_or_itself() {
        assert_eq!(
            text("p=a+b%2Bc", Plus::Space),
            "GET\n/apps/3/channels\np=a b+c"
        );
        assert_eq!(
            text("p=a+b%2Bc", Plus::Literal),
            "GET\n/apps/3/channels\np=a+b+c"
        );
    }

    #[test]
    fn an_escaped_path_has_two_candidates() {
        let paths = |path| candidates(&Method::POST, path, &Parameters::default());
        assert_eq!(
            paths("/apps/3/users/a%20b/x"),
            [
                "POST\n/apps/3/users/a%20b/x\n",
                "POST\n/apps/3/users/a b/x\n"
            ]
        );
        assert_eq!(paths("/apps/3/events"), ["POST\n/apps/3/events\n"]);
    }
}
