import logging

from logzero import logger as zero


def f():
    log = logging.getLogger("chaostoolkit")
    log.debug("debug")
    log.info("info %s", 1)
    log.warning("warning")
    log.error("error\nof two lines")
    log.critical("critical")
    logging.getLogger("other").warning("of another logger")
    zero.info("logzero, too")
