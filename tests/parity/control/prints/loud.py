import logging

logger = logging.getLogger("chaostoolkit")


def before_activity_control(context):
    logger.info("a control says hello")
    logger.warning("and warns")
    logger.debug("but not this")
    print("printed")
