"""A client of an MQTT broker: publishes state and results, hears the line's commands.

This module alone knows paho-mqtt, whose network loop has a thread of its own: publishing puts a
message into its queue and goes on, whatever the broker does.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qc_edge.errors import OutputError
from qc_edge.output.credentials import login
from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import ToLine
from qc_edge.output.links import Heard
from qc_edge.output.links.mqtt import messages
from qc_edge.output.links.mqtt.connecting import CONNECT_S, Connecting
from qc_edge.output.links.mqtt.inbox import CommandInbox
from qc_edge.output.links.mqtt.tls import NamedContext, tls_context
from qc_edge.settings.outside.outputs.addresses import split_place
from qc_edge.settings.outside.outputs.mqtt import MqttSettings

try:
    from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo
    from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode
    from paho.mqtt.subscribeoptions import SubscribeOptions
except ImportError as fault:
    raise OutputError(
        f"the protocol mqtt needs paho-mqtt, which cannot be imported: {fault}",
        hint="pip install 'qc-edge[mqtt]'",
    ) from fault

_OPEN_S = 1.0
_KEEPALIVE_S = 5
"""The broker says that the station is gone after one and a half of it without a word."""
_ANSWER_S = 3 * CONNECT_S
_LONGEST_UNANSWERED_S = 3.0
_PARTING_S = 0.5
_MOST_QUEUED = 256
_NO_RETAINED = 2
"""Retain handling of MQTT 5: what the broker kept from before is not sent."""


class MqttLink:
    """Fulfils `qc_edge.output.links.LineLink`. `_on_*` are called by paho's thread."""

    def __init__(self, settings: MqttSettings) -> None:
        self._settings = settings
        self._host, self._port = split_place(settings.broker)
        self._client: Client | None = None
        self._wake: Callable[[], None] = lambda: None
        self._ready = threading.Event()
        self._gone = threading.Event()
        self._fault = ""
        self._connecting: Connecting | None = None
        self._inbox = CommandInbox()
        self._unanswered: list[tuple[float, MQTTMessageInfo]] = []
        self._said: dict[str, bytes] = {}

    def open(self, wake: Callable[[], None]) -> None:
        """Connect and subscribe. Raises OutputError if the broker is not there, or refuses, or has
        not answered yet: one that takes its time is waited for at the next try, for a stop must
        not wait for it.
        """
        self._wake = wake
        begun = self._connecting or self._begin()
        if not self._ready.wait(_OPEN_S):
            if begun.age_s < _ANSWER_S:
                raise OutputError(f"the broker {self._settings.broker} has not answered yet")
            self._fault = self._fault or f"no answer within {_ANSWER_S:g} s"
        if not (begun.fault or self._fault):
            return
        why, refused = self._fault, begun.fault
        self.close()
        if refused:
            raise OutputError(
                f"no connection to the broker {self._settings.broker}: {refused}",
                hint="does it listen there, and is its certificate signed by the credential "
                f"{self._settings.name}.ca?",
            )
        raise OutputError(
            f"the broker {self._settings.broker} is of no use: {why}",
            hint=f"the credential {self._settings.name}.login, and what the broker allows this "
            f"user: write {self._settings.topic}/#, read {self._settings.topic}/line/+",
        )

    def _begin(self) -> Connecting:
        self._fault, self._said, self._unanswered = "", {}, []
        # Events of its own for each client: one that was given up may still be ending.
        self._ready, self._gone = threading.Event(), threading.Event()
        tls = self._tls() if self._settings.tls else None
        self._client = client = self._new_client(tls)
        place = (self._host, self._port, _KEEPALIVE_S)
        self._connecting = begun = Connecting(client, tls, place, self._ready)
        return begun

    def show(self, words: ToLine, result: Result | None) -> None:
        """Publish what differs from what was published last."""
        self._publish(messages.RESULT, messages.result(words, result, self._inbox.run))
        self._publish(messages.STATE, messages.state(words, self._inbox.run), retain=True)

    def heard(self) -> list[Heard]:
        """The commands, in the order in which they came. Raises OutputError where the connection
        is gone or the broker takes nothing any more.
        """
        # Asked of paho, and not noted by its callback, which may come before `publish` returns.
        self._unanswered = [each for each in self._unanswered if not each[1].is_published()]
        since_s = self._unanswered[0][0] if self._unanswered else float("inf")
        if not self._fault and time.monotonic() - since_s > _LONGEST_UNANSWERED_S:
            self._fault = f"it has confirmed nothing for {_LONGEST_UNANSWERED_S:g} s"
        if self._fault:
            raise OutputError(f"the broker {self._settings.broker} is gone: {self._fault}")
        return self._inbox.heard()

    @property
    def peers(self) -> tuple[str, ...]:
        """The broker, whether the line has begun, and what was refused."""
        if self._client is None:
            return ()
        run = f"the line, run {self._inbox.run}" if self._inbox.run else ""
        here = f"broker {self._settings.broker}"
        return tuple(filter(None, (here, run, *self._inbox.refused)))

    def close(self) -> None:
        """Go, and have the broker say so: the last will is published at a parting of this kind."""
        client, self._client = self._client, None
        begun, self._connecting = self._connecting, None
        if client is None or begun is None or not begun.give_up():
            return
        with suppress(OSError, ValueError):
            client.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
            self._gone.wait(_PARTING_S)
            # paho's thread would wait for a broker that reads nothing; with its socket it ends.
            wire = client.socket()
            if isinstance(wire, socket.socket):
                wire.shutdown(socket.SHUT_RDWR)
        client.loop_stop()

    def _new_client(self, tls: NamedContext | None) -> Client:
        settings = self._settings
        # One client of this id lives at a time: a broker that has not noticed the end of the
        # connection before ends it, and says its will, before it takes this one.
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"qc-edge-{settings.topic.replace('/', '-')}",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        client.max_queued_messages_set(_MOST_QUEUED)
        client.max_inflight_messages_set(_MOST_QUEUED)
        if settings.login:
            user, password = login(settings.name, "it has user and password for the broker")
            client.username_pw_set(user, password)
        if tls:
            client.tls_set_context(tls)
        client.will_set(self._topic(messages.STATE), messages.offline(), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _tls(self) -> NamedContext:
        return tls_context(self._settings.name, self._settings.tls_name or self._host)

    def _topic(self, name: str) -> str:
        return f"{self._settings.topic}/{name}"

    def _publish(self, name: str, payload: bytes, *, retain: bool = False) -> None:
        if self._client is None or self._said.get(name) == payload:
            return
        self._said[name] = payload
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        # What a client of the line's did not fetch in time is never brought to it later.
        properties.MessageExpiryInterval = max(1, round(self._settings.stands_ms / 1000))
        sent = self._client.publish(
            self._topic(name), payload, 1, retain, None if retain else properties
        )
        if sent.rc:
            is_full = sent.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE
            self._fault = self._fault or ("its queue is full" if is_full else str(sent.rc))
            return
        self._unanswered.append((time.monotonic(), sent))

    def _on_connect(
        self, client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        if code.is_failure:
            self._end(str(code))
            return
        options = SubscribeOptions(qos=1, noLocal=True, retainHandling=_NO_RETAINED)
        client.subscribe(self._topic(f"{messages.COMMANDS}/+"), options=options)

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any
    ) -> None:
        if codes[0].is_failure:
            self._end(f"it does not let this user subscribe: {codes[0]}")
        self._ready.set()

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        self._gone.set()
        self._end(str(code))

    def _on_publish(
        self, _client: Client, _data: Any, _mid: int, code: ReasonCode, _properties: Any
    ) -> None:
        if code.is_failure:
            self._end(f"it does not take what is published: {code}")

    def _end(self, why: str) -> None:
        self._fault = self._fault or why
        self._ready.set()
        self._wake()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        name = message.topic.rpartition("/")[2]
        if self._inbox.take(name, bytes(message.payload), is_kept=message.retain):
            self._wake()


def make_link(settings: MqttSettings) -> MqttLink:
    """The client of these settings."""
    return MqttLink(settings)
