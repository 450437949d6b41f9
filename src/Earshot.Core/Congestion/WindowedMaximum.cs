namespace Earshot.Core.Congestion;

/// <summary>The largest of what was measured in a window of time, from three samples. Linux:
/// minmax_running_max.</summary>
internal struct WindowedMaximum
{
    private uint _time0;
    private uint _time1;
    private uint _time2;
    private uint _value0;
    private uint _value1;
    private uint _value2;

    /// <summary>The largest.</summary>
    internal readonly uint Value => _value0;

    /// <summary>Takes a measurement.</summary>
    /// <param name="window">How long one counts.</param>
    /// <param name="time">The present, in the window's unit.</param>
    /// <param name="value">What was measured.</param>
    internal void Take(uint window, uint time, uint value)
    {
        if (value >= _value0 || time - _time2 > window)
        {
            // A new maximum, or nothing is left in the window.
            _time0 = _time1 = _time2 = time;
            _value0 = _value1 = _value2 = value;
            return;
        }

        if (value >= _value1)
        {
            (_time1, _value1) = (_time2, _value2) = (time, value);
        }
        else if (value >= _value2)
        {
            (_time2, _value2) = (time, value);
        }

        Age(window, time, value);
    }

    private void Age(uint window, uint time, uint value)
    {
        uint passed = time - _time0;
        if (passed > window)
        {
            (_time0, _value0) = (_time1, _value1);
            (_time1, _value1) = (_time2, _value2);
            (_time2, _value2) = (time, value);
            if (time - _time0 > window)
            {
                (_time0, _value0) = (_time1, _value1);
                (_time1, _value1) = (_time2, _value2);
            }
        }
        else if (_time1 == _time0 && passed > window / 4)
        {
            // A quarter of the window has passed without a better second choice.
            (_time1, _value1) = (_time2, _value2) = (time, value);
        }
        else if (_time2 == _time1 && passed > window / 2)
        {
            (_time2, _value2) = (time, value);
        }
    }
}
