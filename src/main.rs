use std::process::ExitCode;

fn main() -> ExitCode {
    rcluster::commands::main()
}
