import sys


def validate_control(control):
    sys.exit(5)
