//! Signing in and the envelope: when the walk comes to them, on which route, and what is said beforehand.
//!
//! One attempt per session. It is made after the routes are settled, on the one that would be recommended, on a
//! connection of its own: races, `--repeat` and `--all` then cannot turn one attempt into several, which is how
//! accounts get locked. A second one is begun by the user's order alone, and its plan says so first.

use crate::event::RouteOrigin;
use crate::guide::known::{Branch, Known};
use crate::guide::plan::Plan;
use crate::guide::recommendation::{in_tree_order, mechanisms};
use crate::guide::walk::{Next, Settings};
use crate::session::{Outcome, Route};
use crate::target::{Goal, SecretKind, TlsMode};
use crate::wire::sasl::Mechanism;

/// Id of the step that signs in, and does all that follows on that connection.
pub const SIGN_IN: &str = "sign-in";
/// Id of the step that names an envelope without signing in.
pub const ENVELOPE: &str = "envelope";
/// Id of the question whether to sign in.
pub const ASK_SIGN_IN: &str = "sign-in-now";
/// Id of the question whether to send one message.
pub const ASK_SEND: &str = "send-test";

/// What is done on the connection that is made for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errand {
    /// Sign in.
    pub sign_in: bool,
    /// Name sender and recipient.
    pub envelope: bool,
    /// Send one message.
    pub message: bool,
    /// Name the sender in cleartext too, on another connection.
    pub cleartext: bool,
    /// Try whether strangers may relay, on another connection.
    pub open_relay: bool,
}

impl Errand {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// True once the walk has come to it, whatever came of it.
pub(crate) fn was_tried(known: &Known<'_>) -> bool {
    known.entered(SIGN_IN).is_some() || known.entered(ENVELOPE).is_some()
}

/// What comes after the routes; `None` where nothing more was asked for, or can be done.
pub(crate) fn next(known: &Known<'_>, settings: &Settings) -> Option<Next> {
    if was_tried(known) {
        return None;
    }
    let route = route(known)?;
    if let Some(question) = question(known, settings, route) {
        return Some(question);
    }
    step(known, route, false)
}

/// The step once more, by order of the user.
pub(crate) fn again(known: &Known<'_>, id: &str) -> Option<Next> {
    let last = known.routes.iter().find(|route| route.submission.is_some());
    step(known, last.or_else(|| route(known))?, true)
        .filter(|next| matches!(next, Next::Submit { plan, .. } if plan.step == id))
}

fn step(known: &Known<'_>, route: &Route, once_more: bool) -> Option<Next> {
    let errand = errand(known, route);
    if errand.is_empty() {
        return None;
    }
    Some(Next::Submit { plan: plan(known, route, &errand, once_more), route: route.id, errand })
}

/// The route on which it is done: the one to recommend.
fn route<'a>(known: &Known<'a>) -> Option<&'a Route> {
    let signs_in = known.started.is_some_and(|started| started.sign_in);
    let fits = |route: &&Route| route.outcome == Outcome::Works && (!signs_in || safe(route));
    let mut order = in_tree_order(known);
    // Port 25 is never recommended for submission; who asks for it by name gets it tried.
    order.extend(known.ordered().into_iter().filter(|r| r.port == 25 && r.origin == RouteOrigin::Asked));
    order
        .iter()
        .find(|route| fits(route) && known.is_steady(route))
        .or_else(|| order.iter().find(|r| fits(r)))
        .copied()
}

/// True where a secret may go.
fn safe(route: &Route) -> bool {
    route.verified && route.tls != TlsMode::None
}

fn question(known: &Known<'_>, settings: &Settings, route: &Route) -> Option<Next> {
    let wanted = &known.started?.submit;
    let ask = |question: &str, default: &str| {
        let (question, default) = (question.to_owned(), default.to_owned());
        Some(Next::Question { question, default })
    };
    let submits = known.goal() == Goal::Submit && known.branch() == Some(Branch::Submit);
    if settings.asks
        && submits
        && wanted.secret.is_none()
        && known.answer(ASK_SIGN_IN).is_none()
        && safe(route)
    {
        let offered = mechanisms(route);
        let named = wanted.mechanism.as_deref().and_then(Mechanism::parse);
        let kind = named.map(Mechanism::kind).unwrap_or_default();
        if Mechanism::choose(&offered, kind, named).is_ok() {
            return ask(ASK_SIGN_IN, "no");
        }
    }
    let can_send = wanted.send_test && wanted.mail_from.is_some() && wanted.rcpt_to.is_some();
    if can_send && known.answer(ASK_SEND).is_none() {
        return ask(ASK_SEND, "no");
    }
    None
}

fn errand(known: &Known<'_>, route: &Route) -> Errand {
    let Some(started) = known.started else { return Errand::default() };
    let wanted = &started.submit;
    let sign_in = started.sign_in && known.goal() == Goal::Submit && wanted.secret.is_some() && safe(route);
    let envelope = wanted.mail_from.is_some();
    let offers = route.before_tls.as_ref().is_some_and(|offered| offered.has("STARTTLS"));
    Errand {
        sign_in,
        envelope,
        message: envelope
            && wanted.rcpt_to.is_some()
            && wanted.send_test
            && known.answer(ASK_SEND) == Some("yes"),
        cleartext: envelope && route.tls == TlsMode::Starttls && offers,
        open_relay: wanted.open_relay,
    }
}

/// What will be done, said before it is done.
fn plan(known: &Known<'_>, route: &Route, errand: &Errand, once_more: bool) -> Plan {
    let wanted = known.started.map(|started| started.submit.clone()).unwrap_or_default();
    let mut parts = Vec::new();
    if errand.sign_in || errand.envelope {
        parts.push(format!("connects to {} port {} once more", route.host, route.port));
    }
    if errand.sign_in {
        let named = wanted.mechanism.as_deref().and_then(Mechanism::parse);
        let kind = wanted.secret.unwrap_or_default();
        let name = Mechanism::choose(&mechanisms(route), kind, named).map(Mechanism::name).unwrap_or("AUTH");
        let what = if kind == SecretKind::Token { "token" } else { "password" };
        let user = wanted.user.as_deref().unwrap_or_default();
        parts.push(format!("verifies the certificate again and only then signs in as {user} by {name} with the {what} given, one attempt"));
    }
    if errand.envelope {
        let from = wanted.mail_from.as_deref().unwrap_or_default();
        parts.push(match wanted.rcpt_to.as_deref() {
            Some(to) => format!("names the sender <{from}> and the recipient <{to}>"),
            None => format!("names the sender <{from}>"),
        });
        parts.push(if errand.message {
            "sends ONE SMALL MESSAGE to that recipient".to_owned()
        } else {
            "takes it back with RSET".to_owned()
        });
    }
    if errand.cleartext {
        parts.push("on another connection names the sender in cleartext and takes it back, to see whether STARTTLS is insisted on".to_owned());
    }
    if errand.open_relay {
        parts.push("on another connection names a foreign sender and a foreign recipient and takes it back, to see whether strangers may relay".to_owned());
    }
    let warning = if once_more && errand.sign_in {
        "a second attempt to sign in: many providers lock an account after a few that fail; "
    } else {
        ""
    };
    let undone = match (errand.message, errand.sign_in) {
        (true, _) => "",
        (false, true) => "; no mail is sent",
        (false, false) => "; no mail and no password is sent",
    };
    let id = if errand.sign_in { SIGN_IN } else { ENVELOPE };
    Plan { step: id.to_owned(), text: format!("{warning}{}{undone}", parts.join(", ")) }
}

#[cfg(test)]
mod tests;
