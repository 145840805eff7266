"""A look at figures before they are files: what is drawn, and whether texts cover each other."""

from itertools import combinations

import pytest

from senet_mm.analysis import figures


@pytest.fixture
def drawn(monkeypatch):
    """Runs `look(figure)` on every picture that is saved, and keeps what it returns; set drawn.look first."""

    class Drawn(list):
        look = staticmethod(lambda figure: None)

    result = Drawn()
    save = figures.save

    def looking(figure, path):
        result.append(result.look(figure))
        return save(figure, path)

    for module in ('excitation_figures', 'curves'):
        monkeypatch.setattr(f'senet_mm.analysis.{module}.save', looking)
    return result


def covered_texts(figure):
    """Texts that are not wholly inside the figure, and pairs that cover each other."""
    figure.canvas.draw()
    texts = [*figure.legends[0].get_texts()] if figure.legends else []
    for axis in figure.axes:
        if axis.axison:
            texts += [axis.title, axis.xaxis.label, axis.yaxis.label]
            for side in (axis.xaxis, axis.yaxis):
                low, high = sorted(side.get_view_interval())
                texts += [tick.label1 for tick in side.get_major_ticks() if low <= tick.get_loc() <= high]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text() and text.get_visible()]
    inside = figure.bbox
    wrong = [
        name for name, box in boxes if box.x0 < inside.x0 or box.y0 < 0 or box.x1 > inside.x1 or box.y1 > inside.y1
    ]
    return wrong + [(a, b) for (a, first), (b, second) in combinations(boxes, 2) if first.overlaps(second)]
