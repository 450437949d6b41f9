namespace Earshot.Lab.Experiments;

/// <summary>The limits of a plan: a plan file from anywhere can ask for no more than this.</summary>
public static class PlanLimits
{
    /// <summary>The longest plan file, in bytes.</summary>
    public const int MaxFileLength = 64 * 1024;

    /// <summary>The longest line of a plan file, in characters.</summary>
    public const int MaxLineLength = 512;

    /// <summary>The longest name of a plan, in characters.</summary>
    public const int MaxNameLength = 64;

    /// <summary>The longest title of a plan, in characters.</summary>
    public const int MaxTitleLength = 200;

    /// <summary>The most hosts in a plan. Both programs run on one host over loopback, as in the article.</summary>
    public const int MaxHosts = 1;

    /// <summary>The most sysctls a host of a plan may set.</summary>
    public const int MaxSysctls = 64;

    /// <summary>The most clients of a plan.</summary>
    public const int MaxClients = 4096;

    /// <summary>The most steps of a plan.</summary>
    public const int MaxSteps = 1024;

    /// <summary>The most moments at which a plan may look.</summary>
    public const int MaxLooks = 64;

    /// <summary>The latest moment at which a plan may look, in seconds.</summary>
    public const int MaxLookSeconds = 86_400;
}
