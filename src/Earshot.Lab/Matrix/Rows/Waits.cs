using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Earshot.Lab.Matrix.Rows;

/// <summary>Waits between packets as a kernel's source has them: without the lateness of its timers.</summary>
internal static class Waits
{
    private const double Cap = 120;

    /// <summary>The moments of a schedule: the sums of its waits, each taken for the timeout that it stands
    /// for.</summary>
    /// <param name="waits">What was measured, in seconds.</param>
    internal static double[] Nominal(IEnumerable<double> waits)
    {
        double sum = 0;
        double first = 0;
        var moments = new List<double>();
        foreach (double wait in waits)
        {
            if (first == 0)
            {
                first = Math.Round(wait * 2, MidpointRounding.AwayFromZero) / 2;
            }

            sum += Nominal(wait, first);
            moments.Add(Math.Round(sum, 1));
        }

        return [.. moments];
    }

    internal static string Text(IEnumerable<double> moments) =>
        string.Join(' ', moments.Select(m => m.ToString("0.#", CultureInfo.InvariantCulture)));

    private static double Nominal(double wait, double first)
    {
        double nominal = first;
        while (nominal * 2 <= Cap && (nominal * 2) - 0.55 <= wait)
        {
            nominal *= 2;
        }

        if (wait >= Cap - 0.55)
        {
            nominal = Cap;
        }

        // A timer wheel is late by an eighth at most, a sweep by a lap of 1.6 s, a slow clock early by its tick.
        double late = wait - nominal;
        return late < Math.Max(1.7, wait / 8) ? nominal : Math.Round(wait);
    }
}
