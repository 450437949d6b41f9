namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>The least value of a stretch of time, from three samples. Linux: struct minmax.</summary>
internal struct WindowedMinimum
{
    private Sample _best;
    private Sample _second;
    private Sample _third;

    /// <summary>Takes a value in. Linux: minmax_running_min.</summary>
    /// <param name="time">The present.</param>
    /// <param name="value">The value, not 0.</param>
    /// <param name="window">For how long a value counts.</param>
    /// <returns>The least value.</returns>
    internal uint Update(uint time, uint value, uint window)
    {
        var sample = new Sample { Time = time, Value = value };
        if (value <= _best.Value || _best.Value == 0 || time - _third.Time > window)
        {
            _best = _second = _third = sample;
            return value;
        }

        if (value <= _second.Value)
        {
            _second = _third = sample;
        }
        else if (value <= _third.Value)
        {
            _third = sample;
        }

        Turn(sample, window);
        return _best.Value;
    }

    /// <summary>Writes what is alike as differences: for a short form.</summary>
    /// <param name="time">A time like the samples'.</param>
    /// <param name="value">A value like the samples'.</param>
    internal void Shorten(uint time, uint value)
    {
        _third.Take(_second, -1);
        _second.Take(_best, -1);
        _best.Take(new Sample { Time = time, Value = value }, -1);
    }

    /// <summary>Takes <see cref="Shorten"/> back.</summary>
    internal void Restore(uint time, uint value)
    {
        _best.Take(new Sample { Time = time, Value = value }, 1);
        _second.Take(_best, 1);
        _third.Take(_second, 1);
    }

    // As time goes by the second best becomes the best, and those behind it are taken from later quarters.
    // Linux: minmax_subwin_update.
    private void Turn(in Sample sample, uint window)
    {
        uint age = sample.Time - _best.Time;
        if (age > window)
        {
            _best = _second;
            _second = _third;
            _third = sample;
            if (sample.Time - _best.Time > window)
            {
                _best = _second;
                _second = _third;
                _third = sample;
            }
        }
        else if (_second.Time == _best.Time && age > window / 4)
        {
            _second = _third = sample;
        }
        else if (_third.Time == _second.Time && age > window / 2)
        {
            _third = sample;
        }
    }

    private struct Sample
    {
        internal uint Time;
        internal uint Value;

        internal void Take(in Sample other, int times)
        {
            Time += (uint)times * other.Time;
            Value += (uint)times * other.Value;
        }
    }
}
