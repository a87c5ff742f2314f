"""What keeps data: the key, the table, the bucket, the secrets and the dead-letter queue."""

from __future__ import annotations

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.naming import deployed, deployed_bucket
from infra.resources import Resources, Table
from infra.stack.stage import Stage

_SERVICES: Final = ("cloudwatch.amazonaws.com", "events.amazonaws.com")
"""They put messages on encrypted queues and topics."""


class Storage(Construct):
    """Encrypted with one key that is the installation's own; kept when the stack goes, but for stage dev."""

    def __init__(self, scope: Construct, resources: Resources, stage: Stage) -> None:
        super().__init__(scope, "Storage")
        self._stage = stage
        self._fate = cdk.RemovalPolicy.RETAIN if stage.keeps_data else cdk.RemovalPolicy.DESTROY
        self.key = self._key()
        self.tables = {table.name: self._table(table) for table in resources.tables}
        self.buckets = {bucket.name: self._bucket(bucket.name) for bucket in resources.buckets}
        self.queues = {queue.name: self._queue(queue.name) for queue in resources.queues}
        for secret in resources.secrets:
            # Without a value: whoever needs one first writes it, and no template has ever seen it.
            made = secretsmanager.CfnSecret(
                self,
                _camel(secret.name),
                name=deployed(secret.name, stage.name),
                description=secret.description,
                kms_key_id=self.key.key_arn,
            )
            made.apply_removal_policy(self._fate)

    def _key(self) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            alias=f"alias/{deployed('hotswap', self._stage.name)}",
            description="Everything HotSwap keeps",
            enable_key_rotation=True,
            removal_policy=self._fate,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(name) for name in _SERVICES],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"logs.{cdk.Aws.REGION}.amazonaws.com")],
                actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": (
                            f"arn:{cdk.Aws.PARTITION}:logs:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:log-group:*"
                        )
                    }
                },
            )
        )
        return key

    def _table(self, table: Table) -> dynamodb.Table:
        text = dynamodb.AttributeType.STRING
        made = dynamodb.Table(
            self,
            _camel(table.name),
            table_name=deployed(table.name, self._stage.name),
            partition_key=dynamodb.Attribute(name=table.partition_key, type=text),
            sort_key=dynamodb.Attribute(name=table.sort_key, type=text),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=table.ttl_attribute,
            deletion_protection=self._stage.keeps_data,
            removal_policy=self._fate,
        )
        for index in table.indexes:
            made.add_global_secondary_index(
                index_name=index.name,
                partition_key=dynamodb.Attribute(name=index.partition_key, type=text),
                sort_key=dynamodb.Attribute(name=index.sort_key, type=text),
            )
        return made

    def _bucket(self, name: str) -> s3.Bucket:
        return s3.Bucket(
            self,
            _camel(name),
            bucket_name=cdk.Fn.sub(deployed_bucket(name, self._stage.name)),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                    noncurrent_version_expiration=cdk.Duration.days(90),
                )
            ],
            removal_policy=self._fate,
        )

    def _queue(self, name: str) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            _camel(name),
            queue_name=deployed(name, self._stage.name),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self.key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
            removal_policy=self._fate,
        )
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
            )
        )
        return queue


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.replace("/", "-").split("-"))
