def cleanup_control():
    raise ValueError("unclean")
