import datetime
import decimal
import uuid


def f():
    when = datetime.datetime(2020, 1, 2, 3, 4, 5, 6)
    return [when, when.date(), decimal.Decimal("1.50"), uuid.UUID(int=1),
            when.replace(tzinfo=datetime.timezone.utc)]
