from chaoslib.exceptions import InvalidActivity


def validate_control(control):
    raise InvalidActivity("the control " + control["name"] + " is not as it should be")
