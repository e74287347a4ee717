def notify(channel, event):
    raise ValueError("no")
