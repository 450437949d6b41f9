using System;
using System.Threading.Tasks;
using Earshot.Lab.Views;

namespace Earshot.Cli.Control;

/// <summary>Answers with views of a stack, whoever drives it.</summary>
/// <param name="take">Takes the stack's picture, on the stack's own thread.</param>
internal sealed class ViewService(Func<Task<StackSnapshot>> take)
{
    /// <summary>The request that this answers.</summary>
    internal const string View = "view";

    /// <summary>Sends the lines of the view that is asked for.</summary>
    /// <exception cref="CommandException">There is no such view.</exception>
    internal async Task<ControlReply> HandleAsync(ControlRequest request, ControlSession session)
    {
        if (!Enum.TryParse(request.Tool, ignoreCase: true, out ViewTool tool))
        {
            throw new CommandException(ExitCode.Usage, $"bad request: 'tool' is '{request.Tool}', which is no view");
        }

        var view = new ViewRequest(tool, request.Flags ?? "", request.Name ?? "", request.Json ?? false);
        if (view.Problem() is { } problem)
        {
            throw new CommandException(ExitCode.Usage, problem);
        }

        await session.SendLinesAsync(StackView.Lines(view, await take().ConfigureAwait(false))).ConfigureAwait(false);
        return new ControlReply { Ok = true };
    }
}
