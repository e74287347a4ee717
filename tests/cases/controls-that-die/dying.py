import os


def die(*arguments, **more):
    os._exit(4)


def configure_control(**arguments):
    die()


def before_experiment_control(context, **arguments):
    die()


before_hypothesis_control = after_hypothesis_control = before_experiment_control
before_method_control = after_method_control = before_experiment_control
before_rollback_control = after_rollback_control = before_experiment_control
before_activity_control = after_activity_control = before_experiment_control
after_experiment_control = before_experiment_control


def cleanup_control():
    die()
