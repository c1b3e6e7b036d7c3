//! Forms and their fields.

use askama::Template;
use entrepot_access::{Error, PasskeyOptions};
use http::StatusCode;

use super::fields::Fields;
use super::visitor::Visitor;
use crate::api::Problem;

/// A form that this browser may send.
#[derive(Template)]
#[template(path = "form.html")]
pub(super) struct Form {
    action: String,
    token: String,
    fields: Vec<Field>,
    button: &'static str,
    /// What the button is about, where there are several that say the same.
    about: Option<String>,
    class: &'static str,
    look: &'static str,
    mistake: Option<String>,
    /// What the browser is told to ask for a passkey.
    passkey: Option<String>,
}

/// What somebody types or chooses.
#[derive(Template)]
#[template(path = "field.html")]
pub(super) struct Field {
    id: String,
    name: &'static str,
    label: &'static str,
    kind: Kind,
    value: String,
    hint: String,
    optional: bool,
    focus: bool,
    mistake: Option<String>,
}

/// How.
enum Kind {
    Hidden,
    Text { completes: &'static str },
    Email,
    Password { completes: &'static str },
    Code,
    Lines,
    Choice(Vec<Choice>),
    Ticks(Vec<Choice>),
}

/// One of several.
struct Choice {
    value: String,
    text: String,
    chosen: bool,
}

impl Kind {
    /// What an input needs for it.
    fn input(&self) -> String {
        match self {
            Self::Text { completes } => {
                format!(r#"type="text" autocomplete="{completes}" autocapitalize="none" spellcheck="false""#)
            }
            Self::Email => r#"type="email" autocomplete="email""#.to_owned(),
            Self::Password { completes } => format!(r#"type="password" autocomplete="{completes}""#),
            Self::Code => {
                r#"type="text" class="code" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false""#
                    .to_owned()
            }
            Self::Hidden | Self::Lines | Self::Choice(_) | Self::Ticks(_) => String::new(),
        }
    }
}

impl Field {
    fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        Self {
            id: String::new(),
            name,
            label,
            kind,
            value: String::new(),
            hint: String::new(),
            optional: false,
            focus: false,
            mistake: None,
        }
    }

    pub(super) fn hidden(name: &'static str, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..Self::new(name, "", Kind::Hidden) }
    }

    pub(super) fn text(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Text { completes: "off" })
    }

    /// The name of an account.
    pub(super) fn account(name: &'static str) -> Self {
        Self::new(name, "Name", Kind::Text { completes: "username" })
    }

    /// The name of an account to be.
    pub(super) fn new_account(name: &'static str) -> Self {
        Self::account(name).hint("Small letters and digits, with . _ or - between. Your images begin with it.")
    }

    pub(super) fn email(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Email)
    }

    /// The password that counts now.
    pub(super) fn password(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Password { completes: "current-password" })
    }

    /// One to be.
    pub(super) fn new_password(name: &'static str, label: &'static str) -> Self {
        let least =
            format!("{} characters at least. Several words are easier to remember.", entrepot_access::MIN_PASSWORD);
        Self::new(name, label, Kind::Password { completes: "new-password" }).hint(least)
    }

    pub(super) fn code(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Code)
    }

    pub(super) fn lines(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Lines)
    }

    /// One of these: each its value, and what people read.
    pub(super) fn choice(name: &'static str, label: &'static str, all: &[(&str, &str)]) -> Self {
        Self::new(name, label, Kind::Choice(choices(all)))
    }

    /// Any of these.
    pub(super) fn ticks(name: &'static str, label: &'static str, all: &[(&str, &str)]) -> Self {
        Self::new(name, label, Kind::Ticks(choices(all)))
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    pub(super) fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// What it says before anybody types.
    pub(super) fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        if let Kind::Choice(choices) | Kind::Ticks(choices) = &mut self.kind {
            for choice in choices {
                choice.chosen = self.value.split(' ').any(|value| value == choice.value);
            }
        }
        self
    }

    /// Keeps what was typed. Who mistyped a password types it again.
    fn fill(&mut self, fields: &Fields) {
        match &mut self.kind {
            Kind::Hidden | Kind::Password { .. } => {}
            Kind::Text { .. } | Kind::Email | Kind::Code | Kind::Lines => {
                self.value = fields.text(self.name).to_owned()
            }
            Kind::Choice(choices) | Kind::Ticks(choices) => {
                for choice in choices {
                    choice.chosen = fields.all(self.name).any(|value| value == choice.value);
                }
            }
        }
    }

    /// The rest of what its input, select or textarea has.
    fn attributes(&self) -> String {
        let mut attributes = String::new();
        if !self.optional {
            attributes.push_str(" required");
        }
        if self.focus {
            attributes.push_str(" autofocus");
        }
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.id));
        let mistake = self.mistake.is_some().then(|| format!("{}-mistake", self.id));
        let described: Vec<String> = mistake.into_iter().chain(hint).collect();
        if !described.is_empty() {
            attributes.push_str(&format!(r#" aria-describedby="{}""#, described.join(" ")));
        }
        if self.mistake.is_some() {
            attributes.push_str(r#" aria-invalid="true""#);
        }
        attributes
    }
}

fn choices(all: &[(&str, &str)]) -> Vec<Choice> {
    let choice =
        |(value, text): &(&str, &str)| Choice { value: (*value).to_owned(), text: (*text).to_owned(), chosen: false };
    all.iter().map(choice).collect()
}

impl Form {
    /// A form for what the visitor sends to `action`.
    pub(super) fn new(visitor: &Visitor, action: impl Into<String>, button: &'static str) -> Self {
        Self {
            action: action.into(),
            token: visitor.token(),
            fields: Vec::new(),
            button,
            about: None,
            class: "",
            look: "",
            mistake: None,
            passkey: None,
        }
    }

    /// One for which the browser asks for a passkey, if no code is typed.
    pub(super) fn passkey(self, options: &PasskeyOptions) -> Self {
        let form = self.field(Field::hidden("passkey", ""));
        Self { passkey: Some(options.as_json().to_owned()), ..form }
    }

    /// Whether it is one of these, for which a page needs the script.
    pub(super) fn asks_passkey(&self) -> bool {
        self.passkey.is_some()
    }

    /// One that is only a button in a line; `about` says which it is to who hears the page.
    pub(super) fn button(
        visitor: &Visitor,
        action: impl Into<String>,
        button: &'static str,
        about: impl Into<String>,
    ) -> Self {
        let form = Self::new(visitor, action, button);
        Self { class: "inline", look: "quiet small", about: Some(about.into()), ..form }
    }

    pub(super) fn field(mut self, field: Field) -> Self {
        let prefix: String = self.action.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
        self.fields.push(Field { id: format!("{prefix}-{}", field.name), ..field });
        self
    }

    /// That what it does cannot be undone.
    pub(super) fn harms(self) -> Self {
        let look = if self.class == "inline" { "harm small" } else { "harm" };
        Self { look, ..self }
    }

    /// That it is not what most people came for.
    pub(super) fn quiet(self) -> Self {
        Self { look: "quiet", ..self }
    }

    /// Puts the cursor into the first field.
    pub(super) fn focused(mut self) -> Self {
        if let Some(first) = self.fields.iter_mut().find(|field| !matches!(field.kind, Kind::Hidden)) {
            first.focus = true;
        }
        self
    }

    /// Whether it is sent to `path`.
    pub(super) fn goes_to(&self, path: &str) -> bool {
        self.action == path
    }

    /// Keeps what was typed.
    pub(super) fn fill(&mut self, fields: &Fields) {
        if !fields.is_empty() {
            for field in &mut self.fields {
                field.fill(fields);
            }
        }
    }

    /// The same, with what was typed.
    pub(super) fn filled(mut self, fields: &Fields) -> Self {
        self.fill(fields);
        self
    }

    /// The same with what is wrong, and the status with which the page comes.
    pub(super) fn refused(mut self, error: Error) -> (StatusCode, Self) {
        let status = self.refuse(error);
        (status, self)
    }

    /// Says what is wrong, beside the field if it is about one, and with which status the page comes.
    pub(super) fn refuse(&mut self, error: Error) -> StatusCode {
        for field in &mut self.fields {
            field.focus = false;
        }
        if let Error::Invalid { field: named, why } = &error
            && let Some(field) = self.fields.iter_mut().find(|field| field.name == *named)
        {
            if matches!(field.kind, Kind::Hidden) {
                self.mistake = Some(sentence(why));
                return StatusCode::UNPROCESSABLE_ENTITY;
            }
            field.mistake = Some(sentence(why));
            field.focus = true;
            return StatusCode::UNPROCESSABLE_ENTITY;
        }
        if matches!(error, Error::Unauthenticated | Error::WrongPassword { .. }) {
            // A browser that is told 401 asks for a password in a window of its own.
            self.mistake = Some("The name or the password is wrong.".to_owned());
            return StatusCode::FORBIDDEN;
        }
        let problem = Problem::from(error);
        self.mistake = Some(sentence(problem.detail()));
        problem.status()
    }
}

/// What is said to programs in the middle of a sentence, as one.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}
