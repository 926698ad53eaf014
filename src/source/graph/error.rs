//! What keeps a directory from becoming a bundle, or a bundle a directory.

use std::io;
use std::path::{Path, PathBuf};

use crate::id::{Cloud, TenantId};

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The content was understood, and is not good enough; each problem says what to do.
    #[error("{} problem(s), nothing was written", .0.len())]
    Refused(Vec<Problem>),
    /// The policy has errors, which were reported as they were found.
    #[error("{0} error(s) in the policy, nothing was written")]
    Errors(u64),
    /// A file could not be read.
    #[error("cannot read `{path}`: {error}", path = .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The result could not be written.
    #[error("cannot write `{path}`: {error}", path = .path.display())]
    Unwritable {
        /// What.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is a bundle already.
    #[error(
        "`{path}` exists: --force replaces it, with whatever it has that `tenant.json` does not, such as revocations",
        path = .0.display()
    )]
    BundleExists(PathBuf),
    /// There is a directory already, with something in it.
    #[error("`{path}` is there and not empty: name a new directory", path = .0.display())]
    DirectoryExists(PathBuf),
}

/// Something wrong with what a file says, or with which files there are.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {wrong}", path = .path.display())]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub wrong: Wrong,
}

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// A name that means nothing.
    #[error("unknown file; did you mean `{0}`? Rename it, or keep it elsewhere")]
    UnknownFile(String),
    /// A directory of neither files nor directories.
    #[error(
        "nothing is here; save Graph's answers as crossTenantAccessPolicy.json, default.json, partners.json, …"
    )]
    Nothing,
    /// Files of one tenant beside directories of several.
    #[error("a directory beside the files of one tenant; give each tenant a directory of its own")]
    Mixed,
    /// A file without which more would be permitted than the tenant wrote.
    #[error("is missing: {0}; save Graph's answer there")]
    Missing(&'static str),
    /// Two names for one thing.
    #[error("`{0}` is there as well: keep one of the two")]
    TwoNames(String),
    /// `tenants.json` and the directories differ.
    #[error("names no directory for `{0}`, or names it twice; correct the list, or remove it")]
    Unlisted(String),

    /// Not UTF-8.
    #[error("is UTF-16, as Windows PowerShell writes it; write UTF-8, with `| Out-File -Encoding utf8`")]
    Utf16,
    /// No content.
    #[error("is empty: the request that was to fill it failed; ask again")]
    Empty,
    /// Not JSON, or not as it should be.
    #[error("{0}")]
    Malformed(String),
    /// The answer to a request that failed.
    #[error("holds Graph's error `{0}`; ask again with the permission Policy.Read.All")]
    GraphsError(String),
    /// An object where a list is expected, and so on.
    #[error("{at}: expected {expected}")]
    Mistaken {
        /// JSON pointer.
        at: String,
        /// In words.
        expected: &'static str,
    },
    /// An answer to another question.
    #[error("/@odata.context: is the answer to `{found}`, not to `{expected}`; save each under its own name")]
    OtherAnswer {
        /// What the context names.
        found: String,
        /// What it should.
        expected: &'static str,
    },
    /// An answer with some of the properties only.
    #[error(
        "/@odata.context: made with $select: what was not selected would count as inherited; ask without"
    )]
    Selected,
    /// A resource that would be taken for something else.
    #[error("/{0}: with that the resource would be read as a list or as an error of Graph's; remove it")]
    NotAlone(&'static str),
    /// A default that may be anything.
    #[error(
        "has nothing that only a default has, such as `isServiceDefault`; save the answer to `crossTenantAccessPolicy/default` there"
    )]
    NoDefault,
    /// A member beside `value` that is no annotation.
    #[error("/{0}: beside `value` there are only annotations such as `@odata.context`; remove it")]
    BesideValue(String),

    /// The last page says that there are more.
    #[error("/@odata.nextLink: Graph has more, and `{0}` is not there; save the next page under that name")]
    PageMissing(String),
    /// A page that is not the last says that it is.
    #[error(
        "has no @odata.nextLink, so it is the last page, but `{0}` is there; remove what is left of another list"
    )]
    PageAfterLast(String),
    /// Two pages lead to the same next one.
    #[error("/@odata.nextLink: leads where that of `{0}` leads; one page was saved twice")]
    PageTwice(String),
    /// Pages of different lists.
    #[error("/{0}: not what another page of the list says; fetch all pages again, by one query")]
    PagesDiffer(String),
    /// Two resources of one id.
    #[error("{at}: `{id}` is there twice; keep one")]
    ResourceTwice {
        /// JSON pointer.
        at: String,
        /// Its id.
        id: String,
    },

    /// Nobody's settings.
    #[error(
        "whose settings are these? Name the tenant with --tenant, or in tenant.json: {{\"tenantId\": \"…\"}}"
    )]
    TenantUnknown,
    /// Two answers to whose settings they are.
    #[error(
        "these are the settings of {one}, says one, and of {other}, says another; correct --tenant, tenant.json or the directory's name"
    )]
    TenantsDiffer {
        /// One.
        one: TenantId,
        /// The other.
        other: TenantId,
    },
    /// An answer of a cloud that is none of the three.
    #[error(
        "/@odata.context: is an answer of `{0}`, and which Microsoft cloud that is is not known; say so in tenant.json: {{\"cloud\": \"microsoftonline.com\"}}"
    )]
    CloudUnknown(String),
    /// An answer of another cloud than the commercial one, where no other file says so.
    #[error(
        "/@odata.context: is an answer of the cloud `{0}`, and no other file says so; say so in tenant.json: {{\"cloud\": \"{0}\"}}"
    )]
    CloudUnsaid(Cloud),
    /// Two answers to which cloud the tenant is in.
    #[error(
        "/@odata.context: is an answer of the cloud `{said}`, and {by} says that the tenant is in `{tenant}`; ask all again in one cloud, or correct `cloud` in tenant.json"
    )]
    CloudsDiffer {
        /// The answer's.
        said: Cloud,
        /// The tenant's.
        tenant: Cloud,
        /// The file that says so.
        by: &'static str,
    },
    /// Two directories for one tenant.
    #[error("tenant {0} has another directory already")]
    TenantTwice(TenantId),
    /// --tenant with directories of several.
    #[error("holds several tenants, and --tenant names one: name the tenant's own directory")]
    SeveralTenants,
    /// Members of the bundle that a file of Graph's has.
    #[error("/{member}: `{file}` tells that; remove the one that is wrong")]
    TwoPlaces {
        /// The member.
        member: String,
        /// The file.
        file: &'static str,
    },
    /// Synchronisation with nobody.
    #[error("no partner has this tenantId; fetch the partners again")]
    NoPartner,
    /// Synchronisation of somebody else.
    #[error("/tenantId: not the tenant of the file's name")]
    OtherPartner,
    /// A partner with the settings of two files.
    #[error("the partner has identitySynchronization in the list already; remove one of the two")]
    SynchronisedTwice,
    /// A packed policy that cannot be unpacked.
    #[error("{at}: {why}")]
    Unpackable {
        /// JSON pointer.
        at: String,
        /// Why.
        why: String,
    },
}

impl Wrong {
    /// About this file.
    pub(super) fn with(self, path: &Path) -> Problem {
        Problem { path: path.to_owned(), wrong: self }
    }
}

impl From<Problem> for GraphError {
    fn from(problem: Problem) -> Self {
        Self::Refused(vec![problem])
    }
}

/// Turns what reading said into what the person needs to know.
pub(super) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> GraphError {
    let path = path.to_owned();
    |error| GraphError::Unreadable { path, error }
}

pub(super) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> GraphError {
    let path = path.to_owned();
    |error| GraphError::Unwritable { path, error }
}
