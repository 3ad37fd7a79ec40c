"""How windows of planes of up to three axes are reduced: the last axis row by row, then lines against each other.

What is done to two elements is given as functions, so that there is one such loop for maxima and one for maxima with
their places. Every call of them is compiled into its caller, so there are few, in loops over what differs.
"""

from __future__ import annotations

from collections.abc import Callable

from poolhouse.kernels.axes import (
    FARTHEST,
    FIRST,
    HIGH,
    LONGEST,
    LOW,
    OUTPUTS,
    SAME,
    STEP,
    STRIDE,
    TABLE,
    WAY,
    begin_of,
    end_of,
)
from poolhouse.kernels.declaring import Flat, helper
from poolhouse.kernels.joins import spread
from poolhouse.kernels.layout import (
    COLUMNS,
    D_AXIS,
    DEPTH,
    DEPTH_OUT,
    FACES,
    H_AXIS,
    HEIGHT,
    LINES,
    NUMBERED,
    OUTER,
    OWN,
    ROOM,
    ROWS,
    STRIP,
    TABLES,
    W_AXIS,
    WIDTH,
)


def plane_loop(
    join: Callable[..., None],
    pick: Callable[..., None],
    join_pairs: Callable[..., None],
    *,
    indexed: bool,
    overlaps: bool,
) -> Callable[..., None]:
    """The loop over planes that joins elements so.

    Args:
        join: as ``joins.join``.
        pick: as ``joins.pick``.
        join_pairs: as ``joins.join_pairs``; not called where numbers are joined too.
        indexed: whether they join numbers too.
        overlaps: whether two stretches of a window may share elements, as for a maximum and not for a sum.
    """

    @helper
    def reduce_rows(
        x: Flat,
        numbers: Flat,
        a: int,
        skew: int,
        width: int,
        rows: int,
        out: Flat,
        own: Flat,
        to: int,
        away: int,
        axis: Flat,
        at: int,
        scratch: Flat,
        beside: Flat,
        room: int,
    ) -> None:
        """The result of each window of each of some rows that lie one behind the other.

        Args:
            x: flat.
            numbers: of the elements of x; those of its phases begin at 0 of ``beside``.
            a: offset of the first row.
            skew: of numbers.
            width: elements of a row.
            rows: how many.
            out: flat.
            own: numbers of out.
            to: offset in out of the first window; the rows follow each other.
            away: of own.
            axis: where the axis' numbers are.
            at: offset of these.
            scratch: flat, twice as many elements as `room`.
            beside: numbers of the scratch.
            room: at least rows times the width rounded up to whole strides.
        """
        step, low, high, stride = axis[at + STEP], axis[at + LOW], axis[at + HIGH], axis[at + STRIDE]
        taps, outputs = axis[at + LONGEST], axis[at + OUTPUTS]
        first = at + FIRST
        count = first + outputs
        n = high - low
        source, told, base, off = x, numbers, a, skew
        stretches = axis[at + WAY] == TABLE
        far = stride > FARTHEST or (stride > 1 and (taps == 1 or (stride > 4 and taps <= stride)))
        span, length = 1, width
        while True:
            # By stretches there lie at ``base``, in lines of the width, the results over ``span`` elements from each
            # on, ``step`` apart; a window is two of these, or one for each power of two in its number of elements. Else
            # each element of a window is looked at.
            for o in range(outputs):
                many, elements = 1, axis[count + o]
                if low <= o < high:
                    if o > low or (not far and not stretches):
                        continue
                    many = n
                apart, skipped = step, 0
                if stretches and overlaps:
                    if not span <= elements < 2 * span:
                        continue
                    elements, apart = 2, (elements - span) * step
                elif stretches:
                    if not elements & span:
                        continue
                    elements, skipped = 1, elements & (span - 1)
                pick(
                    out, own, to + o, away, outputs, source, told, base + axis[first + o] + skipped * step, off,
                    width, rows, many, stride, elements, apart, skipped == 0,
                )  # fmt: skip
            if 2 * span > taps or not stretches:
                break
            length -= span * step
            kept = room if span > 1 and base == 0 else 0
            join(
                scratch, beside, kept, 0, width, source, told, base, base + span * step, base, off, width, rows, length,
                2, True,
            )  # fmt: skip
            source, told, base, off = scratch, beside, kept, 0
            span *= 2
        if stretches or far or n <= 0:
            return
        begin = a + axis[first + low]
        if not indexed and stride == 2 and taps == 2 and step == 1:
            join_pairs(out, to + low, outputs, x, begin, width, rows, n)
            return
        pitch, phase = width, 0
        if stride > 1:
            pitch = (width + stride - 1) // stride
            phase = rows * pitch
            spread(x, begin, width, rows, width - axis[first + low], stride, scratch, 0, pitch)
            if indexed:
                spread(numbers, begin + skew, width, rows, width - axis[first + low], stride, beside, 0, pitch)
            source, told, begin, off = scratch, beside, 0, 0
        done = 0
        while done < taps:
            group = 1 if done else min(taps, 3)
            p = done * step
            q, s = p + min(1, group - 1) * step, p + min(2, group - 1) * step
            if stride > 1:
                p = p % stride * phase + p // stride
                q = q % stride * phase + q // stride
                s = s % stride * phase + s // stride
            join(
                out, own, to + low, away, outputs, source, told, begin + p, begin + q, begin + s, off, pitch, rows, n,
                group, done == 0,
            )  # fmt: skip
            done += group

    @helper
    def reduce_lines(
        x: Flat,
        numbers: Flat,
        a: int,
        skew: int,
        width: int,
        out: Flat,
        own: Flat,
        to: int,
        away: int,
        axis: Flat,
        at: int,
        low: int,
        high: int,
        base: int,
        table: Flat,
        beside: Flat,
        room: int,
    ) -> None:
        """The result over the lines of each window from low to high, which goes to a line of out.

        Args:
            x: flat: lines of the width, the first of them number ``base``.
            numbers: of x.
            a: offset of the first line.
            skew: of numbers.
            width: elements of a line.
            out: flat.
            own: numbers of out.
            to: offset of the line for window low.
            away: of own.
            axis: where the axis' numbers are.
            at: offset of these.
            low: the first window.
            high: the end of the windows.
            base: the number of the first line.
            table: scratch for as many lines as the windows reach over, where the axis goes by stretches.
            beside: numbers of the table.
            room: offset of both.
        """
        step, longest = axis[at + STEP], axis[at + LONGEST]
        first = at + FIRST
        count = first + axis[at + OUTPUTS]
        if axis[at + WAY] == TABLE:
            begin = begin_of(axis, at, low, high)
            rows = end_of(axis, at, low, high) - begin
            source, told, place, off = x, numbers, a + (begin - base) * width, skew
            span = 1
            while True:
                # The windows that two stretches of this span cover, and then the stretches of twice the span. These
                # are made in place: a line is read ahead of where it is written.
                grows = 2 * span <= longest
                rows = max(rows - span * step, 0) if grows else 0
                for i in range(high - low + rows):
                    taps, fresh = 2, True
                    if i < high - low:
                        o = low + i
                        elements = axis[count + o]
                        goal, marks, goes, aside = out, own, to + i * width, away
                        one = place + (axis[first + o] - begin) * width
                        other = one
                        if overlaps:
                            if not span <= elements < 2 * span:
                                continue
                            other += (elements - span) * step * width
                        else:
                            if not elements & span:
                                continue
                            one += (elements & (span - 1)) * step * width
                            taps, fresh = 1, elements & (span - 1) == 0
                    else:
                        skipped = (i - high + low) * width
                        goal, marks, goes, aside = table, beside, room + skipped, 0
                        one = place + skipped
                        other = one + span * step * width
                    join(
                        goal, marks, goes, aside, width, source, told, one, other, one, off, width, 1, width, taps,
                        fresh,
                    )  # fmt: skip
                if not grows:
                    return
                source, told, place, off = table, beside, room, 0
                span *= 2
        o = low
        while o < high:
            taps, many = axis[count + o], 1
            if axis[at + LOW] <= o < axis[at + HIGH]:
                many = min(high, axis[at + HIGH]) - o
            begin = a + (axis[first + o] - base) * width
            done = 0
            while done < taps:
                group = 1 if done else min(taps, 3)
                p = begin + done * step * width
                q, s = p + min(1, group - 1) * step * width, p + min(2, group - 1) * step * width
                join(
                    out, own, to + (o - low) * width, away, width, x, numbers, p, q, s, skew,
                    axis[at + STRIDE] * width, many, width, group, done == 0,
                )  # fmt: skip
                done += group
            o += many

    def pool_planes(
        x: Flat,
        numbers: Flat,
        out: Flat,
        indices: Flat,
        start: int,
        stop: int,
        plan: Flat,
        plan_pitch: int,
        scratch: Flat,
        beside: Flat,
    ) -> None:
        """Pools units of work ``start`` to ``stop``: strips of planes, or planes of three axes.

        Args:
            x: flat, planes ``(D, H, W)``.
            numbers: 0, 1, 2, … for the elements of the rows of a strip.
            out: flat.
            indices: flat int64.
            start: the first unit.
            stop: the end of the units.
            plan: as :class:`poolhouse.kernels.layout.Layout` gives it.
            plan_pitch: from one plane's plan to the next one's; 0 where all have one.
            scratch: as many elements as the layout says.
            beside: numbers of the scratch.
        """
        width, columns, rows, depth, depth_out = plan[WIDTH], plan[COLUMNS], plan[ROWS], plan[DEPTH], plan[DEPTH_OUT]
        face, face_out = width * plan[HEIGHT], columns * rows
        flat = plan[plan[D_AXIS] + WAY] == SAME
        strip = plan[STRIP]
        strips = (rows + strip - 1) // strip
        for unit in range(start, stop):
            plane = unit // strips if flat else unit
            own_plan = plane * plan_pitch
            d, h, w = plan[D_AXIS] + own_plan, plan[H_AXIS] + own_plan, plan[W_AXIS] + own_plan
            reduces_lines = plan[h + WAY] != SAME
            reduces_rows = indexed or plan[w + WAY] != SAME
            for part in range(unit % strips, unit % strips + 1) if flat else range(strips):
                low = part * strip
                high = min(low + strip, rows)
                begin, end = low, high
                if plan[h + WAY] != SAME:
                    begin, end = begin_of(plan, h, low, high), end_of(plan, h, low, high)
                for i in range(depth):
                    a = (plane * depth + i) * face + begin * width
                    to = (plane * depth + i) * face_out + low * columns
                    goal, away = out, plan[OWN] - to
                    if not flat:
                        goal, to, away = scratch, plan[FACES] + i * face_out + low * columns, 0
                    source, told, skew = x, numbers, -a
                    if reduces_rows:
                        source, told, goes, skew = goal, beside, to, away
                        if reduces_lines:
                            source, goes, skew = scratch, plan[LINES], 0
                        reduce_rows(
                            x, numbers, a, -a, width, end - begin, source, told, goes, skew, plan, w, scratch, beside,
                            plan[ROOM],
                        )  # fmt: skip
                        a = goes
                    if reduces_lines:
                        reduce_lines(
                            source, told, a, skew, columns, goal, beside, to, away, plan, h, low, high, begin,
                            scratch, beside, plan[TABLES],
                        )  # fmt: skip
                    elif not reduces_rows:
                        for j in range((high - low) * columns):
                            goal[to + j] = x[a + j]
                    if indexed:
                        more = i * face + begin * plan[NUMBERED]
                        # Two loops: with the choice inside, a vector of the case that is not taken would be masked off,
                        # which costs a thousand cycles where its address, which has no meaning, is not mapped.
                        if flat:
                            for j in range((high - low) * columns):
                                indices[to + j] = beside[to + away + j] + more
                        else:
                            for j in range((high - low) * columns):
                                beside[to + j] += more
            if not flat:
                to = plane * depth_out * face_out
                reduce_lines(
                    scratch, beside, plan[FACES], 0, face_out, out, beside, to, plan[OWN] - to, plan, d, 0, depth_out,
                    0, scratch, beside, plan[OUTER],
                )  # fmt: skip
                if indexed:
                    for j in range(depth_out * face_out):
                        indices[to + j] = beside[plan[OWN] + j]

    return pool_planes
