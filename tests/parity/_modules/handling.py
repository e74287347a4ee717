from chaoslib.run import RunEventHandler


def _note(*words):
    with open("trace", "a") as trace:
        print(*words, file=trace)


class Handler(RunEventHandler):
    def started(self, experiment, journal):
        _note("started", experiment["title"])

    def running(self, experiment, journal, configuration, secrets, schedule, settings):
        _note("running", configuration, secrets, schedule.continuous_hypothesis_frequency, schedule.fail_fast)

    def finish(self, journal):
        _note("finish", journal["status"], journal["deviated"])

    def interrupted(self, experiment, journal):
        _note("interrupted", journal["status"])

    def signal_exit(self):
        _note("signal_exit")

    def start_continuous_hypothesis(self, frequency):
        _note("start_continuous_hypothesis", frequency)

    def continuous_hypothesis_iteration(self, iteration_index, state):
        _note("continuous_hypothesis_iteration", iteration_index, state["steady_state_met"])

    def continuous_hypothesis_completed(self, experiment, journal, exception=None):
        _note("continuous_hypothesis_completed", exception)

    def start_hypothesis_before(self, experiment):
        _note("start_hypothesis_before")

    def hypothesis_before_completed(self, experiment, state, journal):
        _note("hypothesis_before_completed", state["steady_state_met"])

    def start_hypothesis_after(self, experiment):
        _note("start_hypothesis_after")

    def hypothesis_after_completed(self, experiment, state, journal):
        _note("hypothesis_after_completed", state["steady_state_met"])

    def start_method(self, experiment):
        _note("start_method")

    def method_completed(self, experiment, state=None):
        _note("method_completed", state and len(state))

    def start_rollbacks(self, experiment):
        _note("start_rollbacks")

    def rollbacks_completed(self, experiment, journal):
        _note("rollbacks_completed", journal["status"])

    def start_activity(self, activity):
        _note("start_activity", activity["name"])

    def activity_completed(self, activity, run):
        _note("activity_completed", activity["name"], run.get("status"))


def configure_control(event_registry):
    event_registry.register(Handler())
