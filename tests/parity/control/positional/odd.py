def before_activity_control(context, needed):
    open("trace", "a").write("never\n")


def after_activity_control(context):
    open("trace", "a").write("after\n")
