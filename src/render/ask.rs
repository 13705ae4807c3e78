//! Questions to the user, and what answers them beforehand.

use std::io::{self, BufRead, IsTerminal, Write};

/// Why there is no yes.
#[derive(Debug, thiserror::Error)]
pub enum NotConfirmed {
    #[error("confirmation needed, but no terminal")]
    NoTerminal,
    #[error("not confirmed: nothing was changed")]
    No,
    #[error("the question could not be asked: {0}")]
    Io(#[from] io::Error),
    /// A protected context, by its name.
    #[error("{0} is protected: confirmation by its name needed, but no terminal")]
    Protected(String),
    #[error("{0} is protected: its name was not given, nothing was changed")]
    OtherName(String),
}

/// A context that asks for its name before a change.
#[derive(Clone, Debug)]
pub struct Guard {
    pub name: String,
    /// What --confirm gives.
    pub given: Option<String>,
}

pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The line that answers a question on the terminal.
pub fn answered(question: &str) -> io::Result<String> {
    let mut err = io::stderr().lock();
    write!(err, "{question}")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer)
}

/// The question that redis-cli asks where rcluster asks this one.
pub fn redis_clis(own: &str) -> String {
    if own.starts_with("Move ") {
        return "Do you want to proceed with the proposed reshard plan (yes/no)? ".to_owned();
    }
    let asked = match own {
        "Create this cluster?" => "Can I set the above configuration?",
        own => own,
    };
    format!("{asked} (type 'yes' to accept): ")
}
