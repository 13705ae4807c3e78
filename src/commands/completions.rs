//! `rcluster completions`

use std::any::TypeId;

use clap::{Arg, Args, Command, ValueHint};
use clap_complete::{Shell, generate};

use super::flow::Context;
use crate::model::{NodeAddr, NodeList, NodeRef};
use crate::render::{CompletionsJson, Failure, exit};

/// Print the completion script of a shell
///
/// Packages install it; by hand:
///
/// bash: rcluster completions bash > ~/.local/share/bash-completion/completions/rcluster
///
/// zsh: rcluster completions zsh > a directory of $fpath, as _rcluster
///
/// fish: rcluster completions fish > ~/.config/fish/completions/rcluster.fish
///
/// In these three, contexts and the addresses of their entries are completed too.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster completions bash > /etc/bash_completion.d/rcluster\n\
    \x20 rcluster completions zsh > /usr/local/share/zsh/site-functions/_rcluster")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut hinted((cx.tree)()), "rcluster", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        let script = match self.shell {
            Shell::Bash => of_bash(&script),
            Shell::Zsh => of_zsh(&script),
            Shell::Fish => of_fish(&script),
            _ => script,
        };
        match cx.ui.wants_json() {
            true => {
                let shell = self.shell.to_string();
                cx.ui.print_json(&CompletionsJson { shell, script })?;
            }
            false => cx.ui.print(script.trim_end())?,
        }
        Ok(exit::OK)
    }
}

/// The tree in which nodes and contexts are marked as what clap knows: names of hosts.
fn hinted(tree: Command) -> Command {
    let names: Vec<String> = tree.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let nodes = [TypeId::of::<NodeList>(), TypeId::of::<NodeAddr>(), TypeId::of::<NodeRef>()];
    let hint = |arg: Arg| {
        let parsed = arg.get_value_parser().type_id();
        let is_node = nodes.iter().any(|node| parsed == *node);
        match is_node || CONTEXTS.iter().any(|id| arg.get_id() == *id) {
            true => arg.value_hint(ValueHint::Hostname),
            false => arg,
        }
    };
    names.into_iter().fold(tree.mut_args(hint), |tree, name| tree.mut_subcommand(name, hinted))
}

/// Options that take the name of a context.
const CONTEXTS: [&str; 2] = ["cluster", "confirm"];

const NAMES: &str = "rcluster context list --names 2>/dev/null";
const NODES: &str = "rcluster context list --names --addresses 2>/dev/null";

/// bash takes the colon of an address for the end of a word: what stands before it is left out of
/// the answers.
fn of_bash(script: &str) -> String {
    let names = format!(
        "_rcluster_nodes() {{
    _rcluster \"$@\"
    local line=\"${{COMP_LINE:0:COMP_POINT}}\" word names
    word=\"${{line##*[[:space:]]}}\"
    [[ ${{COMP_CWORD}} -lt 2 || ${{word}} == -* ]] && return
    case \"${{COMP_WORDS[COMP_CWORD-1]}}\" in
        -c|--cluster|--confirm)
            COMPREPLY=()
            names=\"$({NAMES})\"
            ;;
        *)
            names=\"$({NODES})\"
            ;;
    esac
    local found=( $(compgen -W \"${{names}}\" -- \"${{word}}\") )
    if [[ ${{word}} == *:* && ${{COMP_WORDBREAKS}} == *:* ]]; then
        COMPREPLY=()
        found=( \"${{found[@]#\"${{word%\"${{word##*:}}\"}}\"}}\" )
    fi
    COMPREPLY+=( \"${{found[@]}}\" )
}}

"
    );
    let script = script.replace("complete -F _rcluster ", "complete -F _rcluster_nodes ");
    match script.rfind("\nif [[ ") {
        Some(end) => format!("{}\n{names}{}", &script[..end], &script[end + 1..]),
        None => script,
    }
}

fn of_zsh(script: &str) -> String {
    let functions = format!(
        "\n_rcluster_contexts() {{ compadd -- ${{(f)\"$({NAMES})\"}} }}\n\
         _rcluster_nodes() {{ compadd -- ${{(f)\"$({NODES})\"}} }}\n"
    );
    let line = |line: &str| {
        let is_context =
            ["'-c+[", "'--cluster=[", "'--confirm=["].iter().any(|begin| line.starts_with(begin));
        line.replace(":_hosts", if is_context { ":_rcluster_contexts" } else { ":_rcluster_nodes" })
    };
    let mut lines = script.lines().map(line);
    // Its first line says what it completes.
    let first = lines.next().unwrap_or_default();
    [first + &functions].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

fn of_fish(script: &str) -> String {
    let line = |line: &str| {
        let is_context = CONTEXTS.iter().any(|id| line.contains(&format!(" -l {id} ")));
        line.replace("__fish_print_hostnames", if is_context { NAMES } else { NODES })
    };
    let script = script.lines().map(line).collect::<Vec<_>>().join("\n");
    // fish has nothing of clap's for words without an option.
    format!(
        "{script}\ncomplete -c rcluster -n \"not __fish_rcluster_needs_command\" -f -a \"({NODES})\""
    )
}
