//! The rights of our user, looked at before anything is changed.

use itertools::Itertools;

use crate::plan::reset::NodeReset;
use crate::plan::rights::{
    CONFIG_SET, COUNT_KEYS, FLUSH_ALL, FUNCTION_FLUSH, LIST_KEYS, Right, SET_SLOT, required,
};
use crate::render::{Failure, exit};
use crate::wire::{Denial, Server, WireError, all_at_once};

/// Refuses `command` where a server denies what it needs in any case.
pub fn vet(command: &str, servers: &mut [Server]) -> Result<(), Failure> {
    vet_all(command, &required(command), servers)
}

/// Refuses a reset that deletes what our user may not delete.
pub fn vet_reset(plan: &[NodeReset], servers: &mut [Server]) -> Result<(), Failure> {
    let keys = plan.iter().any(|plan| plan.flush_keys).then_some(&FLUSH_ALL);
    let functions = plan.iter().any(|plan| plan.flush_functions).then_some(&FUNCTION_FLUSH);
    let needed = required("reset").into_iter().chain(keys).chain(functions).collect_vec();
    vet_all("reset", &needed, servers)
}

/// Refuses a move by SETSLOT and MIGRATE, or one that holds replica migration off, without the
/// rights to that.
pub fn vet_move(classic: bool, keep_empty: bool, servers: &mut [Server]) -> Result<(), Failure> {
    let by_hand = [&SET_SLOT, &COUNT_KEYS, &LIST_KEYS].into_iter().filter(|_| classic);
    let needed = by_hand.chain(keep_empty.then_some(&CONFIG_SET)).collect_vec();
    vet_all("reshard", &needed, servers)
}

fn vet_all(command: &str, needed: &[&Right], servers: &mut [Server]) -> Result<(), Failure> {
    let needed = needed.iter().filter(|right| !right.probe.is_empty()).collect_vec();
    let calls = needed.iter().map(|right| right.probe).collect_vec();
    if calls.is_empty() {
        return Ok(());
    }
    let denials = all_at_once(servers, |server| {
        let denials = server.denials(&calls)?;
        Ok::<_, WireError>((server.addr().clone(), denials))
    });
    let (mut lines, mut is_disabled) = (Vec::new(), false);
    for answer in denials {
        let (addr, denials) = answer?;
        for (right, denial) in needed.iter().zip(denials) {
            match denial {
                Some(Denial::NotPermitted(said)) => {
                    lines.push(format!(
                        "{addr}: the right to {} is missing: {said}",
                        right.command()
                    ));
                }
                Some(Denial::Unknown(said)) => {
                    is_disabled = true;
                    lines.push(format!(
                        "{addr}: {} is disabled or renamed: {said}",
                        right.command()
                    ));
                }
                None => {}
            }
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    let failure = match &lines[..] {
        [one] => Failure::refused(one),
        several => {
            Failure::refused(format!("{command} needs more rights")).details(several.to_vec())
        }
    };
    let exit_code = if is_disabled { exit::PROBLEMS } else { exit::UNREACHABLE };
    Err(Failure { exit_code, ..failure }
        .hint(format!("nothing was changed; what the user needs: rcluster acl {command}")))
}
