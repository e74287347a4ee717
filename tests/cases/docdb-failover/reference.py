"""The action as a user of the reference writes it: it has no DocumentDB of its own."""

from chaosaws import aws_client


def failover(cluster, target, configuration=None, secrets=None):
    client = aws_client("docdb", configuration, secrets)
    return client.failover_db_cluster(DBClusterIdentifier=cluster, TargetDBInstanceIdentifier=target)
