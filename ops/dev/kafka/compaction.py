"""Compaction: of each key the last committed value stays, at its offset."""

from bisect import bisect_left

from records import records

GROWTH_BETWEEN_RUNS = 1 << 20


class Compactor:
    """Compacts one partition by whole batches, each of which it reads once.

    A batch goes when each of its keys has a newer committed value in a later batch, or when it was aborted; a marker
    goes after all batches of its transaction. What it can't decompress stays, and so do tombstones.
    """

    def __init__(self):
        self._position = 0
        self._last_of_key = {}
        self._live_keys = {}
        self._dead = set()
        self._size_after_last_run = 0

    def run_if_worthwhile(self, log):
        if log.size - self._size_after_last_run >= GROWTH_BETWEEN_RUNS:
            self.run(log)

    def run(self, log):
        stable_end = log.stable_end
        first, behind = bisect_left(log.lasts, self._position), bisect_left(log.lasts, stable_end)
        for batch in log.batches[first:behind]:
            self._read(batch)
        self._position = stable_end
        # The last batch stays until the next time: readers learn from it that they have reached the end.
        kept = [batch for batch in log.batches[: max(0, behind - 1)] if not self._drop(batch)]
        last = log.batches[max(0, behind - 1) : behind]
        self._dead.intersection_update(batch.base for batch in last)
        if len(kept) + 1 < behind:
            log.replace_batches(kept + last + log.batches[behind:])
        self._size_after_last_run = log.size

    def _read(self, batch):
        if batch.is_control:
            return
        if batch.transaction and batch.transaction.aborted:
            self._dead.add(batch.base)
            return
        for _, _, key in records(batch) or ():
            self._live_keys[batch.base] = self._live_keys.get(batch.base, 0) + 1
            if key is None:
                continue
            older = self._last_of_key.get(key)
            self._last_of_key[key] = batch.base
            if older is not None:
                self._release(older)

    def _release(self, base):
        left = self._live_keys.pop(base, 0) - 1
        if left > 0:
            self._live_keys[base] = left
        else:
            self._dead.add(base)

    def _drop(self, batch):
        transaction = batch.transaction
        if batch.is_control:
            return not transaction or not transaction.batches
        if batch.base not in self._dead:
            return False
        if transaction:
            transaction.batches -= 1
        return True
