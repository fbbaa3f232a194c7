from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from fcn_studio.ui.widgets import theme


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two colours. Source: WCAG 2.2, "contrast ratio" and "relative luminance"."""

    def luminance(colour: str) -> float:
        parts = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in QColor(colour).getRgbF()[:3])
        red, green, blue = parts
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=lambda look: look.name)
def test_text_is_readable(look: theme.Theme) -> None:
    for ground in (look.window, look.panel, look.field, look.raised, look.selected):
        assert contrast(look.text, ground) >= 4.5
        assert contrast(look.dim, ground) >= 4.5, ground
    assert contrast(look.on_accent, look.accent) >= 4.5
    assert contrast(look.text, look.warning) >= 4.5
    assert contrast(look.on_accent, look.pressed) >= 4.5


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=lambda look: look.name)
def test_the_palette_is_readable(look: theme.Theme, qapp: QApplication) -> None:
    role, palette = QPalette.ColorRole, theme.palette(look)
    for ink, ground in (
        (role.WindowText, role.Window), (role.Text, role.Base), (role.Text, role.AlternateBase),
        (role.ButtonText, role.Button), (role.HighlightedText, role.Highlight), (role.ToolTipText, role.ToolTipBase),
        (role.PlaceholderText, role.Base), (role.Link, role.Base), (role.Link, role.Window),
    ):  # fmt: skip
        assert contrast(palette.color(ink).name(), palette.color(ground).name()) >= 4.5, (ink, ground)


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=lambda look: look.name)
def test_borders_of_controls_and_the_ring_are_seen(look: theme.Theme) -> None:
    """3:1 is what WCAG 2.2 asks of parts that are no text (1.4.11)."""
    for ground in (look.window, look.panel, look.field, look.raised):
        for part in (look.border, look.focus, look.accent):
            assert contrast(part, ground) >= 3, (part, ground)


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=lambda look: look.name)
def test_greys_do_not_tint_the_photograph(look: theme.Theme) -> None:
    for grey in (look.window, look.panel, look.field, look.raised, look.line, look.canvas):
        assert QColor(grey).saturation() == 0


def test_icons_take_the_colour_of_the_theme(qapp: QApplication) -> None:
    seen = []
    for appearance in ("light", "dark"):
        look = theme.apply(qapp, appearance)
        image = theme.icon("plus").pixmap(20, 20).toImage()
        assert image.pixelColor(10, 10).name() == look.text
        disabled = theme.icon("plus").pixmap(20, 20, QIcon.Mode.Disabled).toImage()
        assert disabled.pixelColor(10, 10).name() == look.disabled
        seen.append(look.name)
    assert seen == ["light", "dark"]
    theme.apply(qapp, "light")


def test_an_unknown_icon_is_a_bug_that_shows(qapp: QApplication) -> None:
    with pytest.raises(FileNotFoundError):
        theme.icon("no-such-icon")


def test_a_swatch_keeps_its_colour_in_a_selected_row(qapp: QApplication) -> None:
    icon = theme.swatch_icon((200, 30, 10))
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        assert icon.pixmap(16, 16, mode).toImage().pixelColor(8, 8).getRgb()[:3] == (200, 30, 10)
