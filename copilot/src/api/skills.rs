//! Skills: those that the program offers, and those of the session.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::controls::NameParams;
use crate::protocol::skill_provider::{
    SkillDescriptor, SkillListParams, SkillListResponse, SkillReadParams, SkillReadResponse,
};
use crate::protocol::skills::SkillListResponse as SkillsResponse;
use crate::rpc::{INTERNAL_ERROR, Responder};
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::setters::members;
use crate::session::core::{Handler, IntoAnswer};
use crate::session::{Session, SessionBuilder};
use crate::sorted::SortedMap;

pub use crate::protocol::skills::{SkillInfo, SkillProblems};

/// The maximum number of skills that the CLI accepts.
const MOST: usize = 1024;
/// The maximum length of a name.
const LONGEST_NAME: usize = 64;

/// A text of the program that the agent reads when it needs it.
///
/// # Examples
///
/// ```
/// use copilot::Session;
/// use copilot::skills::Skill;
///
/// let release = Skill::new("release", "How to make a release.", "Run `make release`, then announce it.");
/// let oncall = Skill::read_by("on-call", "Who is on call.", || async {
///     std::fs::read_to_string("/srv/on-call.md")
/// });
/// let builder = Session::builder().skill(release).skill(oncall.argument_hint("<team>"));
/// # drop(builder);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Skill {
    descriptor: SkillDescriptor,
    text: Handler<(), String>,
}

impl Skill {
    /// Creates a skill with a text in Markdown; the model decides by the description when to read it.
    pub fn new(name: impl Into<String>, description: impl Into<String>, text: impl Into<String>) -> Self {
        let text: Arc<str> = Arc::from(text.into());
        Self::read_by(name, description, move || {
            let text = text.to_string();
            async move { text }
        })
    }

    /// Creates a skill whose text is returned by a closure, each time that the skill is read.
    pub fn read_by<F, R>(
        name: impl Into<String>,
        description: impl Into<String>,
        text: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<String>,
    {
        let descriptor = SkillDescriptor {
            name: name.into(),
            description: description.into(),
            ..SkillDescriptor::default()
        };
        Self { descriptor, text: Handler::new(move |()| text()) }
    }

    /// Sets the description of the arguments of the skill's slash command, such as `<team>`. Default: none.
    pub fn argument_hint(mut self, hint: impl Into<String>) -> Self {
        self.descriptor.argument_hint = Some(hint.into());
        self
    }

    /// Sets the directory of the files that the text refers to. Default: none.
    pub fn directory(mut self, path: impl Into<String>) -> Self {
        self.descriptor.directory = Some(path.into());
        self
    }

    /// Restricts the skill to users, who invoke its slash command.
    pub fn for_users_only(mut self) -> Self {
        self.descriptor.disable_model_invocation = Some(true);
        self
    }

    /// Restricts the skill to the model, without a slash command.
    pub fn for_the_model_only(mut self) -> Self {
        self.descriptor.user_invocable = Some(false);
        self
    }
}

impl fmt::Debug for Skill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.descriptor.fmt(f)
    }
}

/// The skills of the program, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct OfferedSkills {
    by_name: SortedMap<Skill>,
    /// The first name that two skills have.
    twice: Option<String>,
}

impl OfferedSkills {
    fn insert(&mut self, skill: Skill) {
        let name = skill.descriptor.name.clone();
        if self.by_name.insert(name.clone(), skill).is_some() {
            self.twice.get_or_insert(name);
        }
    }

    /// Refuses invalid skills at the start; the CLI would refuse them, or all skills, only when the agent works.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::new(ErrorKind::Configuration, problem));
        if let Some(name) = &self.twice {
            return refuse(format!("the skill `{name}` is offered twice; rename one"));
        }
        if self.by_name.len() > MOST {
            return refuse(format!("{} skills are offered; the CLI accepts {MOST}", self.by_name.len()));
        }
        for (name, skill) in self.by_name.iter() {
            if !is_name(name) {
                return refuse(format!(
                    "{name:?} is not a skill name: use up to {LONGEST_NAME} ASCII letters, digits, `.`, `_` and \
                     `-`, of which the first is a letter or digit"
                ));
            }
            if skill.descriptor.description.trim().is_empty() {
                return refuse(format!(
                    "the skill `{name}` has no description; write when the model should read it"
                ));
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

impl SessionBuilder {
    /// Adds a skill to those of files. CLIs before 1.0.92 ignore it.
    ///
    /// When the closure of its text fails, the model reads an error.
    ///
    /// Wire: `skillProvider.list` and `skillProvider.read`, from the CLI.
    pub fn skill(mut self, skill: Skill) -> Self {
        self.settings.state.update(|skills: &mut OfferedSkills| skills.insert(skill));
        self.settings.members.set("hasSkillProvider", true);
        self
    }
}

fn skills_wanted(session: &Arc<SessionCore>, _params: SkillListParams, responder: Responder) {
    let skills = session.topic::<OfferedSkills>();
    let skills =
        skills.iter().flat_map(|skills| skills.by_name.values()).map(|skill| &skill.descriptor).collect();
    responder.ok(&SkillListResponse { skills });
}

fn skill_wanted(session: &Arc<SessionCore>, wanted: SkillReadParams<'_>, responder: Responder) {
    let name = wanted.name.into_owned();
    let Some(skill) = session.topic::<OfferedSkills>().and_then(|skills| skills.by_name.get(&name)) else {
        return responder.ok(&SkillReadResponse { markdown: None });
    };
    let question = Question::request("skill", format!("the skill {name}"), &responder);
    session.consult(question, skill.text.clone().ask(()), |_, text| match text {
        Some(text) => responder.ok(&SkillReadResponse { markdown: Some(&text) }),
        None => responder.error(INTERNAL_ERROR, "the program could not give the skill's text"),
    });
}

members! {
    @also "hasSkillProvider" skill,

    @group
        /// Rare settings of the skills of a session. [`skill`](crate::SessionBuilder::skill) adds one of the program.
        ///
        /// # Examples
        ///
        /// ```
        /// use copilot::Session;
        /// use copilot::skills::Skills;
        ///
        /// let builder = Session::builder().skills(Skills::new().directories(["/srv/skills"]).builtin([""; 0]));
        /// # drop(builder);
        /// ```
        Skills
        /// Sets rare settings of the session's skills.
        skills {
            /// Enables skills. Default: on.
            ///
            /// Wire: `session.create`, `enableSkills`.
            enabled: flag in members "enableSkills";

            /// Sets the directories with skills.
            ///
            /// Wire: `session.create`, `skillDirectories`.
            directories: list in members "skillDirectories";

            /// Excludes skills, by name.
            ///
            /// Wire: `session.create`, `disabledSkills`.
            disabled: list in members "disabledSkills";

            /// Sets the only skills of the CLI that the session gets. Default: all.
            ///
            /// Wire: `session.options.update`, `includedBuiltinSkills`.
            builtin: list in options "includedBuiltinSkills";
        }
}

/// The skills of a session. Returned by [`Session::skills`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(session: &copilot::Session) -> copilot::Result<()> {
/// for skill in session.skills().list().await? {
///     println!("{}", skill.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SessionSkills<'a>(&'a Session);

impl Session {
    /// Returns the view on the session's skills.
    pub fn skills(&self) -> SessionSkills<'_> {
        SessionSkills(self)
    }
}

impl SessionSkills<'_> {
    /// Returns the skills of the session.
    ///
    /// Wire: `session.skills.list`, a [query](crate#queries).
    pub async fn list(&self) -> Result<Vec<SkillInfo>> {
        self.0.ask_for::<SkillsResponse>("session.skills.list").await.map(|answer| answer.skills)
    }

    /// Reads the skills again, and returns their problems.
    ///
    /// Wire: `session.skills.reload`, a [command](crate#commands).
    pub async fn reload(&self) -> Result<SkillProblems> {
        self.0.ask_for::<Option<SkillProblems>>("session.skills.reload").await.map(Option::unwrap_or_default)
    }

    /// Enables a skill.
    ///
    /// Wire: `session.skills.enable`, a [command](crate#commands).
    pub async fn enable(&self, name: &str) -> Result<()> {
        self.0.order("session.skills.enable", &NameParams { session_id: self.0.id(), name }).await
    }

    /// Disables a skill.
    ///
    /// Wire: `session.skills.disable`, a [command](crate#commands).
    pub async fn disable(&self, name: &str) -> Result<()> {
        self.0.order("session.skills.disable", &NameParams { session_id: self.0.id(), name }).await
    }
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    requests: &[
        ("skillProvider.list", |session, params, responder| {
            session.read("skillProvider.list", params, responder, skills_wanted);
        }),
        ("skillProvider.read", |session, params, responder| {
            session.read("skillProvider.read", params, responder, skill_wanted);
        }),
    ],
    paths: Some(|members, files| {
        members.change("skillDirectories", |paths: &mut Vec<String>| {
            files.directories("Skills::directories", paths)
        })
    }),
    check: Some(|settings, _| settings.state.get::<OfferedSkills>().map_or(Ok(()), OfferedSkills::check)),
    ..Topic::NONE
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_skills_are_refused() {
        let check = |skills: Vec<Skill>| {
            let mut all = OfferedSkills::default();
            skills.into_iter().for_each(|skill| all.insert(skill));
            all.check().map_err(|error| error.to_string())
        };
        let skill = |name: &str| Skill::new(name, "Useful.", "Do it.");
        check(vec![skill("a.b_c-9"), skill("9")]).unwrap();
        let long = "a".repeat(LONGEST_NAME + 1);
        for bad in ["", "-a", "a b", "é", long.as_str()] {
            assert!(check(vec![skill(bad)]).unwrap_err().contains("not a skill name"), "{bad}");
        }
        assert!(check(vec![skill("a"), skill("a")]).unwrap_err().contains("offered twice"));
        assert!(check(vec![Skill::new("a", " ", "x")]).unwrap_err().contains("no description"));
        let many = (0..=MOST).map(|number| skill(&number.to_string())).collect();
        assert!(check(many).unwrap_err().contains("1025 skills"));
    }
}
