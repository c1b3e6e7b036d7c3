//! Pages of several parts, each of which shows something and has forms for it.

use askama::Template;
use entrepot_access::Error;

use super::fields::Fields;
use super::form::Form;
use super::page::{Answer, Frame, Link, Page, show};
use super::visitor::Visitor;

/// A page of sections, with a list of the pages beside it.
#[derive(Template)]
#[template(path = "sections.html")]
pub(super) struct Sections {
    frame: Frame,
    /// What the pages are about.
    about: String,
    sides: Vec<Side>,
    sections: Vec<Section>,
}

impl Page for Sections {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

struct Side {
    to: String,
    text: &'static str,
    current: bool,
}

/// A part of a page.
#[derive(Default, Template)]
#[template(path = "section.html")]
pub(super) struct Section {
    heading: String,
    lead: Vec<String>,
    /// A code to compare with one that is shown elsewhere.
    code: Option<String>,
    /// A secret that is shown once.
    once: Option<String>,
    /// An SVG of ours.
    picture: Option<String>,
    codes: Vec<String>,
    items: Vec<Item>,
    forms: Vec<Form>,
    links: Vec<Link>,
}

/// One thing of a list.
#[derive(Default)]
pub(super) struct Item {
    title: String,
    to: String,
    tags: Vec<Tag>,
    facts: Vec<String>,
    forms: Vec<Form>,
}

struct Tag {
    text: String,
    look: &'static str,
}

impl Sections {
    pub(super) fn new(frame: Frame) -> Self {
        Self { frame, about: String::new(), sides: Vec::new(), sections: Vec::new() }
    }

    /// Puts other pages beside it, each its address and its name; `here` is the address of this one.
    pub(super) fn beside(
        mut self,
        about: impl Into<String>,
        pages: impl IntoIterator<Item = (impl Into<String>, &'static str)>,
        here: &str,
    ) -> Self {
        let side = |(to, text): (String, &'static str)| Side { current: to == here, to, text };
        self.about = about.into();
        self.sides = pages.into_iter().map(|(to, text)| side((to.into(), text))).collect();
        self
    }

    pub(super) fn section(mut self, section: Section) -> Self {
        self.frame.asks_passkey |= section.asks_passkey();
        self.sections.push(section);
        self
    }

    /// Sends the page to `visitor`, who has sent the form of it that goes to where they are: it comes back as they filled it, and says
    /// what is wrong.
    pub(super) fn refused(mut self, visitor: &Visitor, fields: &Fields, error: Error) -> Answer {
        let action = visitor.uri.path();
        if let Some(form) = self.form_to(action) {
            form.fill(fields);
        }
        self.refused_at(visitor, action, error)
    }

    /// The same for the form of it that goes to `action`, which comes back empty: what was shown in it is good once, or was wrong.
    pub(super) fn refused_at(mut self, visitor: &Visitor, action: &str, error: Error) -> Answer {
        let Some(form) = self.form_to(action) else { return Err(error.into()) };
        let status = form.refuse(error);
        show(visitor, status, &self)
    }

    fn form_to(&mut self, action: &str) -> Option<&mut Form> {
        self.sections.iter_mut().flat_map(|section| &mut section.forms).find(|form| form.goes_to(action))
    }
}

impl Section {
    pub(super) fn new(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), ..Self::default() }
    }

    /// Whether one of its forms asks for a passkey.
    fn asks_passkey(&self) -> bool {
        self.forms.iter().chain(self.items.iter().flat_map(|item| &item.forms)).any(Form::asks_passkey)
    }

    pub(super) fn lead(mut self, line: impl Into<String>) -> Self {
        self.lead.push(line.into());
        self
    }

    /// Shows a code to compare with one that is shown elsewhere.
    pub(super) fn code(self, code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// Shows a secret. Nobody can show it again.
    pub(super) fn once(self, secret: impl Into<String>) -> Self {
        Self { once: Some(secret.into()), ..self }
    }

    /// Shows an SVG of ours.
    pub(super) fn picture(self, picture: String) -> Self {
        Self { picture: Some(picture), ..self }
    }

    /// Codes, to be printed.
    pub(super) fn codes(self, codes: impl Iterator<Item = String>) -> Self {
        Self { codes: codes.collect(), ..self }
    }

    /// A list, or what is said if there is nothing in it.
    pub(super) fn items(mut self, items: Vec<Item>, nothing: &str) -> Self {
        if items.is_empty() {
            return self.lead(nothing);
        }
        self.items = items;
        self
    }

    pub(super) fn form(mut self, form: Form) -> Self {
        self.forms.push(form);
        self
    }

    /// The way to the rest of a list, if there is any.
    pub(super) fn more(self, to: Option<String>) -> Self {
        match to {
            Some(to) => self.link(to, "More"),
            None => self,
        }
    }

    pub(super) fn link(mut self, to: impl Into<String>, text: impl Into<String>) -> Self {
        self.links.push(Link::new(to, text));
        self
    }
}

impl Item {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Where there is more of it.
    pub(super) fn at(self, to: impl Into<String>) -> Self {
        Self { to: to.into(), ..self }
    }

    pub(super) fn tag(mut self, text: impl Into<String>, look: &'static str) -> Self {
        self.tags.push(Tag { text: text.into(), look });
        self
    }

    pub(super) fn fact(mut self, fact: impl Into<String>) -> Self {
        self.facts.push(fact.into());
        self
    }

    pub(super) fn form(mut self, form: Form) -> Self {
        self.forms.push(form);
        self
    }
}
