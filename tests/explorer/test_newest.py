"""The queue: one at a time, and of each stream only the newest."""

import asyncio
import threading

import pytest

from stylegan2_jax.explorer.newest import Busy, NewestFirst, Superseded


def results(asked):
  """Runs the coroutine function with a queue whose thread stays busy until it calls `go`.

  Returns what it returns, and the names that `work(name)` was done for.
  """
  done, go = [], threading.Event()

  async def main():
    queue = NewestFirst('test')
    busy = queue.ask('first', go.wait)
    await asyncio.sleep(0)  # it begins
    found = await asked(queue, lambda name: lambda: done.append(name) or name, go.set)
    await busy
    queue.close()
    return found

  return asyncio.run(main()), done


def test_the_newest_takes_the_place_of_older_ones():
  async def asked(queue, work, go):
    slider = [queue.ask('slider', work(i)) for i in range(5)]
    other = queue.ask('other', work('other'))
    slider += [queue.ask('slider', work(i)) for i in range(5, 50)]
    go()
    return await asyncio.gather(*slider, other, return_exceptions=True)

  answers, done = results(asked)
  assert [type(answer) for answer in answers[:49]] == [Superseded] * 49
  assert answers[49:] == [49, 'other']
  assert done == [49, 'other']  # in the place of the first


def test_too_many():
  async def asked(queue, work, go):
    waiting = [queue.ask(str(i), work(i)) for i in range(64)]
    with pytest.raises(Busy):
      queue.ask('one more', work('one more'))
    newer = queue.ask('3', work('newer'))
    go()
    answers = await asyncio.gather(*waiting, newer, return_exceptions=True)
    again = await queue.ask('one more', work('again'))  # there is room again
    return answers, again

  (answers, again), done = results(asked)
  assert isinstance(answers.pop(3), Superseded)
  assert answers == [*range(3), *range(4, 64), 'newer']
  assert again == 'again'
  assert len(done) == 65


def test_failures_are_those_of_their_request():
  async def asked(queue, work, go):
    def fails():
      raise ValueError('no')

    failing, after = queue.ask('a', fails), queue.ask('b', work('b'))
    go()
    return await asyncio.gather(failing, after, return_exceptions=True)

  (failure, after), _ = results(asked)
  assert (type(failure), str(failure), after) == (ValueError, 'no', 'b')
