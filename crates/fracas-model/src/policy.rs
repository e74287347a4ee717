//! The switches in which fracas differs from Chaos Toolkit. `docs/differences.md` has a row for each.

use serde::{Deserialize, Serialize};

/// How an experiment is understood. Two presets exist, and no code asks which one is on: it asks
/// the field that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Policy {
    /// Exit codes tell what happened (0 to 5), instead of 0 or 1 by the journal's status.
    pub telling_exit_codes: bool,
    /// A steady state that is not met before the method fails the run, and its rollbacks are left
    /// out; otherwise such a run counts as completed and its rollbacks are played.
    pub unmet_gate_fails: bool,
    /// A steady state that is not met during the method is a deviation; with fail-fast it stops the
    /// activity that goes on, and the check after the method does not take it back.
    pub deviation_during_counts: bool,
    /// An activity that interrupts the execution interrupts the run, instead of only failing.
    pub activities_interrupt: bool,
    /// A signal cuts whatever goes on: pauses after a cut activity are left out, and background
    /// activities are not waited for.
    pub signals_cut_all: bool,
    /// An error that no activity is expected to have fails the activity, instead of aborting the run.
    pub unexpected_errors_fail: bool,
    /// The journal and the console say more than Chaos Toolkit's: a status for cut activities, whether a failed
    /// one may have happened, the run's id and the version of fracas.
    pub fuller_journal: bool,
    /// Values from the command line and from var files stand for those of the experiment in every
    /// way, and one that is not declared there is worth a warning; otherwise a variable that is not
    /// set is an error although a value is given, and declarations among the secrets of var files
    /// are not resolved.
    pub given_values_stand: bool,
    /// A var file or control file that cannot be read is an error before the run, instead of told
    /// and left out.
    pub var_files_required: bool,
    /// The probe of a tolerance leaves no trace in the experiment; otherwise the journal's experiment
    /// shows the last value that it was given.
    pub tolerances_untouched: bool,
    /// Configuration that a probe cannot give is an error before the run, instead of left out.
    pub dynamic_configuration_required: bool,
    /// Values of secrets are masked wherever they would be shown or kept.
    pub mask_secrets: bool,
    /// Each control is applied once, at every level; otherwise those of the settings are dropped at
    /// the method and the rollbacks, and those of the experiment may be applied several times.
    pub controls_once: bool,
    /// A control that fails is told on the console.
    pub tell_control_failures: bool,
    /// The text under an activity's `dry` means what the flag means; otherwise it only takes the
    /// activity out of the flag.
    pub dry_of_activities: bool,
    /// An activity's `timeout` cuts it.
    pub activity_timeouts: bool,
    /// A log file is written only where one is asked for; otherwise `chaostoolkit.log` always is.
    pub log_file_on_request: bool,
    /// Discovery looks at what fracas does by itself and at what is installed; otherwise it always
    /// asks Python, and installs first.
    pub discover_without_installing: bool,
    /// The wizard takes answers as JSON where it can, and leaves out what was declined; otherwise
    /// as Chaos Toolkit does.
    pub lenient_wizard: bool,
    /// Settings that cannot be read, or are named and not there, stop everything; otherwise they are
    /// told of, and count as none.
    pub broken_settings_stop: bool,
    /// Warnings about the statuses of servers and programs name them, and notifications that cannot
    /// be sent are one; errors of connections are in the system's words. Otherwise they are in those of Chaos
    /// Toolkit and its libraries, or debug lines.
    pub own_warnings: bool,
    /// After a run, what failed and what may still be broken is told, and the way out.
    pub tell_end: bool,
    /// Whatever cannot be played is a problem before the run; otherwise the run comes upon it, where Chaos
    /// Toolkit's does.
    pub check_ahead: bool,
    /// All problems of an experiment are drawn in its text; otherwise the first is told in Chaos
    /// Toolkit's words.
    pub draw_problems: bool,
    /// Control characters in what is told are shown as escapes, so that no name, output or error
    /// can steer the terminal.
    pub tame_lines: bool,
}

impl Policy {
    /// What fracas does by itself.
    pub const FRACAS: Policy = Policy::all(true);

    /// Chaos Toolkit exactly, its defects included, where it does not crash.
    pub const CHAOS_TOOLKIT: Policy = Policy::all(false);

    const fn all(on: bool) -> Policy {
        Policy {
            telling_exit_codes: on,
            unmet_gate_fails: on,
            deviation_during_counts: on,
            activities_interrupt: on,
            signals_cut_all: on,
            unexpected_errors_fail: on,
            fuller_journal: on,
            given_values_stand: on,
            var_files_required: on,
            tolerances_untouched: on,
            dynamic_configuration_required: on,
            mask_secrets: on,
            controls_once: on,
            tell_control_failures: on,
            dry_of_activities: on,
            activity_timeouts: on,
            log_file_on_request: on,
            discover_without_installing: on,
            lenient_wizard: on,
            broken_settings_stop: on,
            own_warnings: on,
            tell_end: on,
            check_ahead: on,
            draw_problems: on,
            tame_lines: on,
        }
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy::FRACAS
    }
}
