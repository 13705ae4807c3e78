//! `rcluster completions`

use std::any::TypeId;
use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Arg, Args, Command, ValueHint};
use clap_complete::{Shell, generate};
use itertools::Itertools;

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
        let (mut script, mut tree) = (Vec::new(), hinted((cx.tree)()));
        let meant = Meant::of(&tree);
        generate(self.shell, &mut tree, "rcluster", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        let script = match self.shell {
            Shell::Bash => of_bash(&script, &meant),
            Shell::Zsh => of_zsh(&script),
            Shell::Fish => of_fish(&script, &meant),
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
    let takes_context = NAMED.contains(&tree.get_name());
    let hint = |arg: Arg| {
        let parsed = arg.get_value_parser().type_id();
        let is_node = nodes.iter().any(|node| parsed == *node);
        let is_context = takes_context && arg.is_positional();
        match is_node || is_context || CONTEXTS.iter().any(|id| arg.get_id() == *id) {
            true => arg.value_hint(ValueHint::Hostname),
            false => arg,
        }
    };
    names.into_iter().fold(tree.mut_args(hint), |tree, name| tree.mut_subcommand(name, hinted))
}

/// Options that take the name of a context.
const CONTEXTS: [&str; 2] = ["cluster", "confirm"];

/// The commands of `context` that take one.
const NAMED: [&str; 2] = ["show", "test"];

const NAMES: &str = "rcluster context list --names 2>/dev/null";
const NODES: &str = "rcluster context list --names --addresses 2>/dev/null";

/// What a word may be, for shells that clap does not tell.
struct Meant {
    /// Commands that take nodes.
    nodes: Vec<String>,
    /// Commands that take files.
    files: Vec<String>,
    /// Commands that take one of these words.
    words: Vec<(String, String)>,
    /// Options whose values are no nodes, in whichever command.
    options: Vec<String>,
}

impl Meant {
    fn of(tree: &Command) -> Meant {
        let is_node = |arg: &Arg| arg.get_value_hint() == ValueHint::Hostname;
        let is_file = |arg: &Arg| arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
        let named = |what: &dyn Fn(&Arg) -> bool| {
            let take = tree.get_subcommands().filter(|sub| sub.get_positionals().any(what));
            take.map(|sub| sub.get_name().to_owned()).collect()
        };
        let words = tree.get_subcommands().filter_map(|sub| {
            let values = sub.get_positionals().flat_map(Arg::get_possible_values);
            let words = values.map(|value| value.get_name().to_owned()).join(" ");
            (!words.is_empty()).then(|| (sub.get_name().to_owned(), words))
        });
        let all = tree.get_subcommands().chain([tree]);
        let (values, others): (Vec<&Arg>, Vec<&Arg>) = all
            .flat_map(|command| command.get_subcommands().chain([command]))
            .flat_map(Command::get_arguments)
            .filter(|arg| !arg.is_positional())
            .partition(|arg| arg.get_action().takes_values() && !is_node(arg));
        let others: BTreeSet<String> = others.into_iter().flat_map(spelled).collect();
        let options: BTreeSet<String> = values.into_iter().flat_map(spelled).collect();
        Meant {
            nodes: named(&is_node),
            files: named(&is_file),
            words: words.collect(),
            options: options.difference(&others).cloned().collect(),
        }
    }
}

/// `--format`, `-f`: as an option is written.
fn spelled(option: &Arg) -> impl Iterator<Item = String> {
    let long = option.get_long().map(|long| format!("--{long}"));
    long.into_iter().chain(option.get_short().map(|short| format!("-{short}")))
}

/// bash takes the colon of an address for the end of a word: what stands before it is left out of
/// the answers.
fn of_bash(script: &str, meant: &Meant) -> String {
    let (nodes, files) = (meant.nodes.join("|"), meant.files.join("|"));
    let (named, options) = (NAMED.join("|"), meant.options.join("|"));
    let names = format!(
        "_rcluster_nodes() {{
    _rcluster \"$@\"
    local line=\"${{COMP_LINE:0:COMP_POINT}}\" word names before
    word=\"${{line##*[[:space:]]}}\"
    [[ ${{COMP_CWORD}} -lt 2 || ${{word}} == -* ]] && return
    before=\"${{COMP_WORDS[COMP_CWORD-1]}}\"
    [[ ${{before}} == = ]] && before=\"${{COMP_WORDS[COMP_CWORD-2]}}\"
    case \"${{before}}\" in
        -c|--cluster|--confirm)
            COMPREPLY=()
            names=\"$({NAMES})\"
            ;;
        {options})
            return
            ;;
        *)
            for before in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do
                case \"${{before}}\" in
                    {files}) [[ -n ${{word}} ]] || COMPREPLY=() ;;
                esac
                case \"${{before}}\" in
                    {nodes}) names=\"$({NODES})\"; break ;;
                    {named}) names=\"$({NAMES})\"; break ;;
                esac
            done
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
        let is_context = ["'-c+[", "'--cluster=[", "'--confirm=[", "'::name -- "]
            .iter()
            .any(|begin| line.starts_with(begin));
        line.replace(":_hosts", if is_context { ":_rcluster_contexts" } else { ":_rcluster_nodes" })
    };
    let mut lines = script.lines().map(line);
    // Its first line says what it completes.
    let first = lines.next().unwrap_or_default();
    [first + &functions].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

fn of_fish(script: &str, meant: &Meant) -> String {
    let line = |line: &str| {
        let is_context = CONTEXTS.iter().any(|id| line.contains(&format!(" -l {id} ")));
        line.replace("__fish_print_hostnames", if is_context { NAMES } else { NODES })
    };
    let script = script.lines().map(line).collect::<Vec<_>>().join("\n");
    // fish has nothing of clap's for words without an option.
    let using = "__fish_rcluster_using_subcommand";
    let (mixed, nodes): (Vec<&String>, Vec<&String>) =
        meant.nodes.iter().partition(|name| meant.files.contains(name));
    let (nodes, mixed, named) = (nodes.iter().join(" "), mixed.iter().join(" "), NAMED.join(" "));
    let words = meant.words.iter().map(|(command, words)| {
        format!("\ncomplete -c rcluster -n \"{using} {command}\" -f -a \"{words}\"")
    });
    format!(
        "{script}
complete -c rcluster -n \"{using} {nodes}\" -f -a \"({NODES})\"
complete -c rcluster -n \"{using} {mixed}\" -a \"({NODES})\"
complete -c rcluster -n \"{using} context; and __fish_seen_subcommand_from {named}\" -f -a \"({NAMES})\"{}",
        words.format("")
    )
}
