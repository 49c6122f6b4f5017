"""A reliability diagram as SVG: how often the router was right, by how sure it was."""

from __future__ import annotations

from collections.abc import Sequence

from locoman.routing.measure import Bin

_SIZE, _EDGE = 360, 48


def reliability_svg(bins: Sequence[Bin], title: str) -> str:
    """One bar for each bin, as high as the share that was right; on the diagonal confidence is what it says."""
    side = _SIZE - 2 * _EDGE
    total = max(sum(b.count for b in bins), 1)
    bars = [
        f'<rect x="{_EDGE + b.low * side:.1f}" y="{_SIZE - _EDGE - b.right * side:.1f}" '
        f'width="{(b.high - b.low) * side - 1:.1f}" height="{b.right * side:.1f}" fill="#4477aa" '
        f'fill-opacity="{0.25 + 0.75 * (b.count / total) ** 0.5:.2f}"><title>{b.count} questions, '
        f"{b.confidence:.1%} sure, {b.right:.1%} right</title></rect>"
        for b in bins
    ]
    low, high = _EDGE, _SIZE - _EDGE
    marks = [
        f'<text x="{low + share * side:.0f}" y="{high + 16}" text-anchor="middle">{share:g}</text>'
        f'<text x="{low - 6}" y="{high - share * side + 4:.0f}" text-anchor="end">{share:g}</text>'
        for share in (0, 0.5, 1)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" width="{_SIZE}" height="{_SIZE}" '
            'font-family="sans-serif" font-size="11">',
            f'<rect width="{_SIZE}" height="{_SIZE}" fill="white"/>',
            f'<text x="{_SIZE / 2:.0f}" y="24" text-anchor="middle" font-size="13">{_escaped(title)}</text>',
            *bars,
            f'<path d="M{low} {high}L{high} {low}" stroke="#999" stroke-dasharray="4 3"/>',
            f'<path d="M{low} {low}V{high}H{high}" stroke="black" fill="none"/>',
            *marks,
            f'<text x="{_SIZE / 2:.0f}" y="{_SIZE - 12}" text-anchor="middle">how sure</text>',
            f'<text x="14" y="{_SIZE / 2:.0f}" text-anchor="middle" transform="rotate(-90 14 {_SIZE / 2:.0f})">'
            "how often right</text>",
            "</svg>\n",
        ]
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
