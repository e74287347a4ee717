class Odd(BaseException):
    pass


def f():
    raise Odd("odd")
