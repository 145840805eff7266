"""The page in a browser: with the keyboard, in light and dark, on a phone, with 500 runs, without a network."""

import shutil

import pytest

from senet_mm.results.board import collect
from senet_mm.results.page import write_page
from tests.results.made_runs import make_run, make_runs

pytestmark = pytest.mark.slow
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
PHONE = {'width': 375, 'height': 740}
DESK = {'width': 1280, 'height': 900}
HOSTILE = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp('runs')
    make_runs(folder, 500)
    settings = {'model.backbone.type': HOSTILE}
    make_run(folder / 'hostile', HOSTILE, 0, {'accuracy/top1': 50.0}, settings=settings)
    path = tmp_path_factory.mktemp('page') / 'page.html'
    write_page(collect([folder]), path)
    return path


@pytest.fixture(scope='module')
def browser():
    sync_api = pytest.importorskip('playwright.sync_api', reason='pip install playwright drives the browser')
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f'there is no browser, none of {", ".join(BROWSERS)}: apt-get install chromium')
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=['--no-sandbox'])  # root has no sandbox
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, path):
    """Opens the page in a new window; at the end, nothing may have been loaded and nothing complained."""
    contexts, complaints, requests = [], [], []

    def open_(size=DESK, scheme='light', **options):
        context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion='reduce', **options)
        contexts.append(context)
        page = context.new_page()
        page.on('console', lambda message: complaints.append(message.text))
        page.on('pageerror', lambda error: complaints.append(str(error)))
        page.on('request', lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
    assert {url for url in requests if not url.startswith('data:')} == {path.as_uri()}


def names(page, table):
    return page.locator(f'{table} tbody tr:first-child th.name').all_inner_texts()


def wait_for_chart(page, place):
    page.locator(place).scroll_into_view_if_needed()
    page.wait_for_selector(f'{place}[data-drawn] svg')


def test_sorting_with_the_keyboard(open_page):
    page = open_page()
    table = '#table-7 table'
    before = names(page, table)
    heading = page.locator(f'{table} th', has=page.get_by_role('button', name='AP@0.5')).first
    heading.get_by_role('button').focus()
    page.keyboard.press('Enter')
    assert heading.get_attribute('aria-sort') == 'ascending'
    assert names(page, table) == ['ResNet-50', 'ResNet-101', 'SE-ResNet-50', 'SE-ResNet-101']  # 57.8 60.0 61.0 62.7
    page.keyboard.press('Space')
    assert heading.get_attribute('aria-sort') == 'descending'
    assert names(page, table) == ['SE-ResNet-101', 'SE-ResNet-50', 'ResNet-101', 'ResNet-50']
    page.keyboard.press('Enter')
    assert heading.get_attribute('aria-sort') is None
    assert names(page, table) == before


def test_what_is_empty_is_sorted_last(open_page):
    page = open_page()
    button = page.locator('#table-8 th.number button').first
    for _ in range(2):  # ascending, descending
        button.click()
        cells = page.locator('#table-8 tbody tr.paper td:nth-of-type(1)').all_inner_texts()
        assert cells[0]
        assert cells[-1] == ''


def test_filtering_with_the_keyboard(open_page):
    page = open_page()
    shown = '[data-keys]:not([hidden])'
    total = page.locator(shown).count()
    page.get_by_label('Filter rows').focus()
    page.keyboard.type('demo faster')
    assert page.locator(f'#pair-table {shown}').count() == 1
    assert page.locator('#apart-title + p + .box tbody tr:not([hidden])').count() == 4
    assert page.locator('#table-2').is_hidden()
    assert page.get_by_role('status').filter(has_text='rows').inner_text() == f'5 of {total} rows'
    page.keyboard.press('Control+a')
    page.keyboard.type('no such thing')
    assert page.locator('#nothing').is_visible()
    page.keyboard.press('Control+a')
    page.keyboard.press('Delete')
    assert page.locator(shown).count() == total
    page.get_by_label('only what was run').check()
    assert page.locator(f'#table-8 {shown}').count() == 1  # SENet-154; the others are the paper's only


@pytest.mark.parametrize(('scheme', 'dark'), [('light', False), ('dark', True)])
def test_curves_and_scatter_plot(open_page, scheme, dark):
    page = open_page(scheme=scheme)
    wait_for_chart(page, '#curves')
    page.select_option('#pair-choice', label='se_resnet50_imagenet')
    page.select_option('#curve-choice', label='loss')
    lines, dashed = '#curves .mark-line path', "#curves .mark-line path[stroke-dasharray='5,4']"
    page.locator(dashed).nth(13).wait_for()  # training, 7 seeds a side
    assert page.locator(lines).count() == page.locator(dashed).count()
    page.select_option('#curve-choice', label='top-1 err. (%)')
    page.locator(dashed).first.wait_for(state='detached')
    page.locator(lines).nth(13).wait_for()  # validation
    wait_for_chart(page, '#scatter')
    assert page.locator('#scatter .mark-symbol.role-mark path').count() > 20
    page.select_option('#cost-choice', label='multiply-adds (G)')
    page.locator('#scatter').get_by_text('multiply-adds (G)').wait_for()
    assert page.locator('#scatter').get_by_text('resnet50', exact=True).count() == 1  # a pair is named once
    page.select_option('#cost-choice', label='latency in the test (ms an image)')
    page.locator('#scatter').get_by_text('latency in the test (ms an image)').wait_for()
    table = page.locator('#scatter-table tr', has_text='se_resnet50_imagenet').filter(has_text='ours')
    assert table.locator('td').all_text_contents()[4:] == ['2.1', 'NVIDIA A100']
    background = page.evaluate('getComputedStyle(document.body).backgroundColor')
    assert (sum(map(int, background[4:-1].split(','))) < 150) == dark


def test_charts_follow_a_change_to_dark(open_page):
    page = open_page()
    wait_for_chart(page, '#curves')
    colour = "document.querySelector('#curves .role-axis-title text, #curves .role-axis-title').outerHTML"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme='dark')
    page.wait_for_selector("#curves[data-drawn='2']")
    assert page.evaluate(colour) != light


def test_details_of_a_run_with_the_keyboard(open_page):
    page = open_page()
    button = page.locator('.runs').get_by_role('button', name='se_resnet50_imagenet', exact=True).first
    button.focus()
    page.keyboard.press('Enter')
    dialog = page.get_by_role('dialog', name='se_resnet50_imagenet')
    assert dialog.is_visible()
    wait_for_chart(page, '#run-curves')
    text = dialog.inner_text()
    assert 'model.backbone.se.ratio' in text  # what differs from the plain config
    assert 'optim_wrapper.optimizer.lr' not in text  # what does not
    assert 'NVIDIA A100' in text
    page.keyboard.press('Escape')
    assert not dialog.is_visible()
    assert button.evaluate('element => element === document.activeElement')


def test_hostile_names_do_nothing(open_page):
    page = open_page()
    title = page.title()
    page.get_by_role('button', name=HOSTILE, exact=True).last.click()
    assert page.locator('#details-title').inner_text() == HOSTILE
    page.keyboard.press('Escape')
    assert page.locator('img').count() == 0
    assert page.title() == title


def test_a_pair_is_chosen_from_the_list(open_page):
    page = open_page()
    page.locator('#pair-table').get_by_role('button', name='faster_rcnn_se_r50_demo').click()
    assert page.locator('#verdict').inner_text().startswith('SE is not better here: AP (%) -2.5')
    assert page.locator('#pair-choice').evaluate('element => element === document.activeElement')
    page.get_by_text('Difference of the two configs').click()
    assert page.locator('#pair-difference tbody tr').all_inner_texts() == ['model.backbone.se.ratio\t—\t16']


def test_the_skip_link_comes_first(open_page):
    page = open_page()
    page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.textContent') == 'Skip to the results'
    page.keyboard.press('Enter')
    assert page.evaluate('document.activeElement.id') == 'main'


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_on_a_phone_nothing_sticks_out(open_page, scheme):
    page = open_page(PHONE, scheme)
    width = 'document.documentElement.scrollWidth'
    wait_for_chart(page, '#scatter')
    for section in ('#pairs', '#cost', '#tables', '#runs'):
        page.locator(section).scroll_into_view_if_needed()
        assert page.evaluate(width) == PHONE['width']
    table = page.locator('#table-2')
    table.locator('.box').evaluate('element => element.scrollLeft = 900')
    for heading in (table.locator('tbody th.name').first, table.locator('tr.ours th.line').first):
        assert 0 < heading.bounding_box()['x'] < PHONE['width'] / 2  # whose numbers these are stays in sight
    page.locator('[data-run]').first.click()
    wait_for_chart(page, '#run-curves')
    assert page.evaluate(width) == PHONE['width']
    assert page.locator('#details-body').evaluate('element => element.scrollWidth <= element.clientWidth')


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_axe_finds_nothing(open_page, scheme):
    axe = pytest.importorskip('axe_playwright_python.sync_playwright', reason='pip install axe-playwright-python').Axe()
    page = open_page(scheme=scheme, bypass_csp=True)  # axe is a script of its own
    wait_for_chart(page, '#curves')
    wait_for_chart(page, '#scatter')
    assert axe.run(page).response['violations'] == []
    page.locator('[data-run]').first.click()
    wait_for_chart(page, '#run-curves')
    assert axe.run(page).response['violations'] == []
