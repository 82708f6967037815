"""Replies in the charset of their country are shown as they were meant."""

from __future__ import annotations

import pytest

from exporter.charset import decoded
from exporter.diagnosis import diagnose
from exporter.model import ErrorClass, Phase, Reply, Symptom
from exporter.probe.transcript import printable


@pytest.mark.parametrize(
    ("text", "encodings"),
    [
        ("Неверный логин или пароль", ("utf-8", "cp1251", "koi8-r")),
        ("Доступ запрещён: «спам» №5", ("utf-8", "cp1251")),
        ("ОШИБКА", ("cp1251", "koi8-r")),
        ("Невірний логін або пароль", ("cp1251",)),  # noqa: RUF001 - Ukrainian
        ("请使用授权码登录", ("utf-8", "gb18030")),
        ("用户名或密码错误", ("gb18030",)),
        ("認証に失敗しました", ("shift_jis",)),
        ("パスワードが正しくありません", ("shift_jis",)),
        ("Échec de l'authentification : identité refusée, réessayez", ("utf-8", "latin-1")),
        ("Autenticação não válida: usuário ou senha incorretos, conexão", ("latin-1",)),
        ("Größe überschritten, Zugriff für Müller verweigert", ("latin-1",)),
        ("Käyttäjätunnus väärä, yhteyttä ei hyväksytty", ("latin-1",)),
    ],
)
def test_what_a_reply_says_can_be_read(text: str, encodings: tuple[str, ...]) -> None:
    """By its bytes alone: no server names its charset."""
    for encoding in encodings:
        data = b"5.7.8 " + text.encode(encoding)
        assert decoded(data) == printable(data) == f"5.7.8 {text}"


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xfe\xfd\xfc\xfb", b"\x80" * 9, bytes(range(256))])
def test_bytes_that_are_no_text_are_latin_1_or_something_readable(data: bytes) -> None:
    """Whatever comes, a text comes out."""
    assert isinstance(decoded(data), str)


def test_the_summary_and_the_transcript_show_the_words() -> None:
    """Not `Íåâåðíûé ëîãèí`."""
    reply = Reply(535, ("Неверный логин или пароль".encode("cp1251"),))
    found = diagnose(Symptom(phase=Phase.AUTH, evidence=reply, host="mail.test", port=587))
    assert found.error_class is ErrorClass.CREDENTIALS_REJECTED
    assert "“Неверный логин или пароль”" in found.summary
