# ruff: noqa: INP001 - a script beside the chart, not a package
"""The values of the chart, room by room, each with the schema of what may stand there."""

from __future__ import annotations

from values_schema import (
    ADDRESS,
    ANNOTATIONS,
    CLUSTER_ADDRESS,
    COUNT,
    FREE,
    HOST,
    KEY,
    KEY_OR_NONE,
    LABELS,
    NETWORK,
    NUMBER_OR_PERCENTAGE,
    OBJECT_NAME,
    PATH,
    PORT,
    PORT_OR_NONE,
    PROMETHEUS_LABELS,
    PULL_SECRETS,
    QUALIFIED_OR_NONE,
    QUANTITY,
    REGISTRY,
    SET_OBJECT_NAME,
    SHORT_NAME,
    SIMPLE_DURATION,
    SWITCH,
    TARGET,
    TEXT,
    Schema,
    duration,
    image,
    kube,
    listing,
    mapping,
    mounted,
    probe,
    relabelings,
    rules,
    tls_config,
    unique,
    words,
)

DECORATED: dict[str, Schema] = {"labels": LABELS, "annotations": ANNOTATIONS}
FAMILY = words("IPv4", "IPv6")


def layout(config: Schema, alerts: tuple[str, ...]) -> Schema:
    """All values.  `config` is the schema of the exporter's own configuration."""
    return mapping(
        enabled=SWITCH,
        # A parent's chart hands the globals of everybody to all.
        **{
            "global": {
                "type": "object",
                "properties": {"imageRegistry": REGISTRY, "imagePullSecrets": PULL_SECRETS},
            }
        },
        nameOverride=SHORT_NAME,
        fullnameOverride=SHORT_NAME,
        namespaceOverride=SHORT_NAME,
        kubeVersionOverride={"type": "string", "pattern": "^(v?1\\.[0-9]+(\\.[0-9]+)?([-+].*)?)?$"},
        commonLabels=LABELS,
        commonAnnotations=ANNOTATIONS,
        documentationUrl={"type": "string", "pattern": '^https?://[^\\s"\\\\{}]+[^\\s"\\\\{}/]$'},
        image={**image(), "properties": {**image()["properties"], "pullSecrets": PULL_SECRETS}},
        config=config,
        configStorage=words("Secret", "ConfigMap"),
        configExistingSecret=OBJECT_NAME,
        configExistingSecretKey=KEY,
        rolloutOnConfigChange=SWITCH,
        credentials=mounted("secretName"),
        certificateAuthorities=mounted("configMapName"),
        rulesFiles={"type": "object", "propertyNames": KEY, "additionalProperties": TEXT},
        log=mapping(
            level=words("debug", "info", "warning", "error"),
            format=words("logfmt", "json"),
        ),
        **_running(),
        webConfig=_web(),
        service=_service(),
        ingress=_ingress(),
        httpRoute=mapping(
            enabled=SWITCH,
            **DECORATED,
            parentRefs=listing(
                mapping(
                    ("name",),
                    group=TEXT,
                    kind=TEXT,
                    namespace=SHORT_NAME,
                    name=SET_OBJECT_NAME,
                    sectionName=SET_OBJECT_NAME,
                    port=PORT,
                )
            ),
            hostnames=listing(HOST),
            matches=listing(FREE),
            filters=listing(FREE),
        ),
        serviceMonitor=mapping(
            enabled=SWITCH,
            namespace=OBJECT_NAME,
            **DECORATED,
            jobLabel=TEXT,
            interval=duration(optional=True),
            scrapeTimeout=duration(optional=True),
            targetLabels=listing(TEXT),
            podTargetLabels=listing(TEXT),
            relabelings=relabelings(),
            metricRelabelings=relabelings(),
            tlsConfig=tls_config(files=True),
            sampleLimit=COUNT,
            labelLimit=COUNT,
            extra=FREE,
        ),
        probe=_probe_resource(),
        podMonitoring=mapping(enabled=SWITCH, **DECORATED, interval=SIMPLE_DURATION, timeout=SIMPLE_DURATION),
        prometheusRule=rules(alerts),
        dashboards=mapping(enabled=SWITCH, namespace=OBJECT_NAME, **DECORATED, exclude=listing(KEY)),
        networkPolicy=_network_policy(),
        podDisruptionBudget=mapping(
            enabled=SWITCH,
            minAvailable=NUMBER_OR_PERCENTAGE,
            maxUnavailable=NUMBER_OR_PERCENTAGE,
            unhealthyPodEvictionPolicy=words("", "IfHealthyBudget", "AlwaysAllow"),
            **DECORATED,
        ),
        verticalPodAutoscaler=mapping(
            enabled=SWITCH,
            **DECORATED,
            updateMode=words("Off", "Initial", "Recreate", "Auto"),
            controlledResources=unique(words("cpu", "memory")),
            minAllowed=_amounts(),
            maxAllowed=_amounts(),
        ),
        tests=mapping(enabled=SWITCH, annotations=ANNOTATIONS),
    )


def _amounts() -> Schema:
    return mapping(cpu=QUANTITY, memory=QUANTITY)


def _running() -> dict[str, Schema]:
    reloader = mapping(
        enabled=SWITCH,
        image=image(),
        resources=kube("ResourceRequirements"),
        containerPort=PORT,
        securityContext=kube("SecurityContext"),
    )
    return {
        "kind": words("Deployment", "StatefulSet", "DaemonSet"),
        "replicas": {"type": "integer", "minimum": 1, "maximum": 1000},
        "sharding": mapping(enabled=SWITCH),
        "strategy": kube("DeploymentStrategy"),
        "updateStrategy": {"anyOf": [kube("StatefulSetUpdateStrategy"), kube("DaemonSetUpdateStrategy")]},
        "revisionHistoryLimit": COUNT,
        "minReadySeconds": COUNT,
        "terminationGracePeriodSeconds": COUNT,
        "containerPort": {**PORT, "minimum": 1024},
        "hostPort": PORT_OR_NONE,
        "hostNetwork": SWITCH,
        "resources": kube("ResourceRequirements"),
        "podLabels": LABELS,
        "podAnnotations": ANNOTATIONS,
        "annotations": ANNOTATIONS,
        "nodeSelector": LABELS,
        "tolerations": listing(kube("Toleration")),
        "affinity": kube("Affinity"),
        "topologySpreadConstraints": listing(kube("TopologySpreadConstraint")),
        "priorityClassName": OBJECT_NAME,
        "runtimeClassName": OBJECT_NAME,
        "schedulerName": OBJECT_NAME,
        "hostAliases": listing(kube("HostAlias")),
        "dnsPolicy": words("", "ClusterFirst", "Default", "None", "ClusterFirstWithHostNet"),
        "dnsConfig": kube("PodDNSConfig"),
        "enableServiceLinks": SWITCH,
        "podSecurityContext": kube("PodSecurityContext"),
        "securityContext": kube("SecurityContext"),
        "serviceAccount": mapping(
            create=SWITCH, name=OBJECT_NAME, annotations=ANNOTATIONS, automountToken=SWITCH
        ),
        "startupProbe": probe(),
        "livenessProbe": probe(),
        "readinessProbe": probe(ends=False),
        "extraArgs": listing(TEXT),
        "extraEnv": listing(kube("EnvVar")),
        "extraEnvFrom": listing(kube("EnvFromSource")),
        "extraVolumes": listing(kube("Volume")),
        "extraVolumeMounts": listing(kube("VolumeMount")),
        "extraInitContainers": listing(kube("Container")),
        "extraContainers": listing(kube("Container")),
        "extraManifests": listing({"anyOf": [FREE, TEXT]}),
        "configReloader": reloader,
    }


def _web() -> Schema:
    client_auth = ("NoClientCert", "RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven")
    bcrypt = {"type": "string", "pattern": r"^\$2[aby]?\$[0-9]{2}\$[./A-Za-z0-9]{53}$"}
    return mapping(
        existingSecret=OBJECT_NAME,
        existingSecretKey=KEY,
        tls=mapping(
            enabled=SWITCH,
            secretName=OBJECT_NAME,
            certKey=KEY,
            keyKey=KEY,
            caKey=KEY_OR_NONE,
            minVersion=words("TLS12", "TLS13"),
            clientAuthType=words(*client_auth, "RequireAndVerifyClientCert"),
            clientCaKey=KEY_OR_NONE,
        ),
        basicAuth=mapping(
            enabled=SWITCH,
            users={"type": "object", "propertyNames": {"minLength": 1}, "additionalProperties": bcrypt},
            scrapeSecretName=OBJECT_NAME,
            scrapeUsernameKey=KEY,
            scrapePasswordKey=KEY,
        ),
    )


def _service() -> Schema:
    return mapping(
        type=words("ClusterIP", "NodePort", "LoadBalancer"),
        port=PORT,
        nodePort=PORT_OR_NONE,
        clusterIP=CLUSTER_ADDRESS,
        ipFamilyPolicy=words("", "SingleStack", "PreferDualStack", "RequireDualStack"),
        ipFamilies=unique(FAMILY),
        externalIPs=listing(ADDRESS),
        externalTrafficPolicy=words("", "Cluster", "Local"),
        internalTrafficPolicy=words("", "Cluster", "Local"),
        loadBalancerClass=QUALIFIED_OR_NONE,
        loadBalancerSourceRanges=listing(NETWORK),
        **DECORATED,
    )


def _ingress() -> Schema:
    path = mapping(
        ("path",),
        path=PATH,
        pathType=words("Exact", "Prefix", "ImplementationSpecific"),
    )
    return mapping(
        enabled=SWITCH,
        className=OBJECT_NAME,
        **DECORATED,
        hosts=listing(mapping(("host",), host=HOST, paths=listing(path))),
        tls=listing(kube("IngressTLS")),
    )


def _probe_resource() -> Schema:
    group = mapping(
        ("name", "targets"),
        name={**SHORT_NAME, "minLength": 1},
        module=TEXT,
        targets={**listing(TARGET), "minItems": 1},
        labels=PROMETHEUS_LABELS,
        interval=duration(),
        scrapeTimeout=duration(),
    )
    return mapping(
        enabled=SWITCH,
        namespace=OBJECT_NAME,
        **DECORATED,
        jobName={"type": "string", "minLength": 1},
        interval=duration(),
        scrapeTimeout=duration(),
        groups=listing(group),
        metricRelabelings=relabelings(),
        tlsConfig=tls_config(files=False),
    )


def _network_policy() -> Schema:
    peers = listing(kube("NetworkPolicyPeer"))
    return mapping(
        enabled=SWITCH,
        **DECORATED,
        ingress={
            **mapping(enabled=SWITCH, extra=listing(kube("NetworkPolicyIngressRule"))),
            "properties": {
                "enabled": SWITCH,
                "from": peers,
                "extra": listing(kube("NetworkPolicyIngressRule")),
            },
        },
        egress=mapping(
            enabled=SWITCH,
            ports=unique(PORT),
            to=peers,
            controlTo=peers,
            tokenTo=peers,
            dnsTo=peers,
            dnsPorts={**unique(PORT), "minItems": 1},
            followUp=SWITCH,
            extra=listing(kube("NetworkPolicyEgressRule")),
        ),
    )
