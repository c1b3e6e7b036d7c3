//! `entrepot access explain`: why somebody may do something, or may not.

use std::process::ExitCode;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use entrepot_client::{Client, route};
use entrepot_oci::RepositoryName;
use entrepot_registry::gate::Action;
use serde::{Deserialize, Serialize};

use super::{Form, Noun, run_or};
use crate::commands;

pub(crate) const EXAMPLES: &str = "\
Examples:
  Why can ben not push?
    entrepot access explain --as ben push acme/app

  What may a robot do, and what somebody who did not log in?
    entrepot access explain --as acme+deploy push acme/app
    entrepot access explain pull acme/app";

/// Exit code for somebody who may not.
const DENIED: u8 = 1;
/// Exit code if there is no answer.
const FAILED: u8 = 2;

/// What can be asked of the rules.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    /// Say which rule decides whether somebody may do something, and what would let them
    ///
    /// The exit code is 0 if they may, 1 if they may not, and 2 if there is no answer.
    Explain(ExplainArguments),
}

/// Who, what, where.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArguments {
    /// A person, or a robot such as acme+deploy [default: somebody who did not log in]
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// What they want to do
    #[arg(value_parser = PossibleValuesParser::new(ACTIONS.map(Action::as_str)).map(|word| action(&word)))]
    action: Action,
    /// With which repository
    repository: RepositoryName,
    /// Form
    #[command(flatten)]
    form: Form,
}

const ACTIONS: [Action; 3] = [Action::Pull, Action::Push, Action::Delete];

fn action(word: &str) -> Action {
    // Only the words of these come here.
    ACTIONS.into_iter().find(|action| action.as_str() == word).unwrap_or(Action::Delete)
}

/// What the rules answer, as the API shows it.
#[derive(Deserialize, Serialize)]
struct Explanation {
    allowed: bool,
    needed: String,
    reasons: Vec<Reason>,
    remedies: Vec<String>,
}

/// A rule that gives a role.
#[derive(Deserialize, Serialize)]
struct Reason {
    role: String,
    rule: String,
}

/// Answers.
pub(crate) fn run(Noun { command: AccessCommand::Explain(asked), place }: Noun<AccessCommand>) -> ExitCode {
    run_or(ExitCode::from(FAILED), &place, async |client| explain(client, &asked).await)
}

async fn explain(client: &Client, asked: &ExplainArguments) -> anyhow::Result<ExitCode> {
    // Without a name the API would explain whoever asks; an empty one is nobody.
    let question = route(["access", "explain"])
        .query("as", asked.name.as_deref().unwrap_or_default())
        .query("action", asked.action.as_str())
        .query("repository", &asked.repository);
    let explanation: Explanation = client.get(question).await?;
    let text = if asked.form.json {
        format!("{}\n", serde_json::to_string(&explanation)?)
    } else {
        sentences(asked, &explanation)
    };
    let printed = commands::print(&text);
    Ok(if explanation.allowed { printed } else { ExitCode::from(DENIED) })
}

fn sentences(asked: &ExplainArguments, explanation: &Explanation) -> String {
    let who = asked.name.as_deref().unwrap_or("somebody who did not log in");
    let (may, needed) = (if explanation.allowed { "may" } else { "may not" }, &explanation.needed);
    let mut text =
        format!("{who} {may} {} {}, which takes the role {needed}\n", asked.action.phrase(), asked.repository);
    for Reason { role, rule } in &explanation.reasons {
        text.push_str(&format!("  {role}: {rule}\n"));
    }
    if explanation.reasons.is_empty() {
        text.push_str("  no rule gives them a role\n");
    }
    if !explanation.allowed {
        text.push_str("what would let them:\n");
    }
    for remedy in &explanation.remedies {
        text.push_str(&format!("  {remedy}\n"));
    }
    text
}
